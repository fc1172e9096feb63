"""Enrol an account, verify and challenge it, and verify a code of the gate, with a generated client."""

import os
import time

import pyotp
from open_mfa_client import AuthenticatedClient
from open_mfa_client.api.account import account_delete_all, account_post_challenge
from open_mfa_client.api.account_totp import account_post_totp, account_post_totp_verify
from open_mfa_client.api.gate import gate_post_verify
from open_mfa_client.models import Challenge, CodeRejectedProblem, EnrolAccountTotp, GateVerify, Verify

ACCOUNT = "example-python"
client = AuthenticatedClient(base_url=os.environ["BASE_URL"], token=os.environ["API_KEY"])

# Remove what an earlier run has left.
account_delete_all.sync_detailed(ACCOUNT, client=client)

enrolment = account_post_totp.sync(ACCOUNT, client=client, body=EnrolAccountTotp(label="Alice"))
print("Show this as a QR code:", enrolment.uri)

# The person's authenticator computes the codes from the secret.
authenticator = pyotp.TOTP(enrolment.secret)
now = int(time.time())
verified = account_post_totp_verify.sync(ACCOUNT, client=client, body=Verify(authenticator.at(now)))
print("First code:", verified.status)

# At a log-in. The code of the next time step is accepted, too. Only a status of 200 lets the person in.
code = authenticator.at(now + 30)
answer = account_post_challenge.sync_detailed(ACCOUNT, client=client, body=Challenge(code))
print("Challenge:", answer.status_code, answer.parsed.factor)

# Every code is accepted at most once.
refusal = account_post_challenge.sync(ACCOUNT, client=client, body=Challenge(code))
if not isinstance(refusal, CodeRejectedProblem):
    raise SystemExit("A code was accepted twice.")
print("The same code:", refusal.reason)

gate = pyotp.TOTP(os.environ["GATE_SECRET"])
answer = gate_post_verify.sync_detailed(client=client, body=GateVerify(token=gate.now()))
print("Gate:", answer.status_code)
