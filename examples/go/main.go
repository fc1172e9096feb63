// Enrol an account, verify and challenge it, and verify a code of the gate, with a generated client.
package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"time"

	"example/openmfa"
)

const account = "example-go"

// totp returns the code of a secret in base32, as an authenticator computes it (RFC 6238).
func totp(secret string, at time.Time) string {
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	check(err)
	step := make([]byte, 8)
	binary.BigEndian.PutUint64(step, uint64(at.Unix()/30))
	mac := hmac.New(sha1.New, key)
	mac.Write(step)
	sum := mac.Sum(nil)
	number := binary.BigEndian.Uint32(sum[sum[19]&15:]) & 0x7fffffff
	return fmt.Sprintf("%06d", number%1000000)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	settings := openmfa.NewConfiguration()
	settings.Servers = openmfa.ServerConfigurations{{URL: os.Getenv("BASE_URL")}}
	client := openmfa.NewAPIClient(settings)
	ctx := context.WithValue(context.Background(), openmfa.ContextAccessToken, os.Getenv("API_KEY"))

	// Remove what an earlier run has left.
	_, err := client.AccountAPI.AccountDeleteAll(ctx, account).Execute()
	check(err)

	enrolment, _, err := client.AccountTOTPAPI.AccountPostTotp(ctx, account).
		EnrolAccountTotp(openmfa.EnrolAccountTotp{Label: openmfa.PtrString("Alice")}).Execute()
	check(err)
	fmt.Println("Show this as a QR code:", enrolment.Uri)

	// The person's authenticator computes the codes from the secret.
	now := time.Now()
	verified, _, err := client.AccountTOTPAPI.AccountPostTotpVerify(ctx, account).
		Verify(*openmfa.NewVerify(totp(enrolment.Secret, now))).Execute()
	check(err)
	fmt.Println("First code:", verified.Status)

	// At a log-in. The code of the next time step is accepted, too. Only a status of 200 lets the person in.
	challenge := client.AccountAPI.AccountPostChallenge(ctx, account).
		Challenge(*openmfa.NewChallenge(totp(enrolment.Secret, now.Add(30*time.Second))))
	passed, response, err := challenge.Execute()
	check(err)
	fmt.Println("Challenge:", response.StatusCode, passed.Factor)

	// Every code is accepted at most once.
	_, response, err = challenge.Execute()
	if err == nil {
		log.Fatal("A code was accepted twice.")
	}
	fmt.Println("The same code:", response.StatusCode)

	token := totp(os.Getenv("GATE_SECRET"), time.Now())
	_, response, err = client.GateAPI.GatePostVerify(ctx).GateVerify(openmfa.GateVerify{Token: &token}).Execute()
	check(err)
	fmt.Println("Gate:", response.StatusCode)
}
