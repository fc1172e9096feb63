/** Enrol an account, verify and challenge it, and verify a code of the gate, with a generated client. */
import { createHmac } from "node:crypto";
import * as api from "./open_mfa_client";
import { createClient } from "./open_mfa_client/client";

const path = { account_id: "example-typescript" };
const client = createClient({ baseUrl: process.env.BASE_URL, auth: () => process.env.API_KEY });

/** Returns the code of a secret in base32, as an authenticator computes it (RFC 6238). */
function totp(secret: string, seconds: number): string {
  const bits = [...secret].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"));
  const key = Buffer.from((bits.join("").match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(seconds / 30)));
  const mac = createHmac("sha1", key).update(step).digest();
  const number = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

async function main(): Promise<void> {
  // Remove what an earlier run has left.
  await api.accountDeleteAll({ client, path });

  const enrolment = await api.accountPostTotp({ client, path, body: { label: "Alice" }, throwOnError: true });
  console.log("Show this as a QR code:", enrolment.data.uri);

  // The person's authenticator computes the codes from the secret.
  const now = Date.now() / 1000;
  const first = { code: totp(enrolment.data.secret, now) };
  const verified = await api.accountPostTotpVerify({ client, path, body: first, throwOnError: true });
  console.log("First code:", verified.data.status);

  // At a log-in. The code of the next time step is accepted, too. Only a status of 200 lets the person in.
  const second = { code: totp(enrolment.data.secret, now + 30) };
  const passed = await api.accountPostChallenge({ client, path, body: second, throwOnError: true });
  console.log("Challenge:", passed.response.status, passed.data.factor);

  // Every code is accepted at most once.
  const refused = await api.accountPostChallenge({ client, path, body: second });
  if (!refused.error || !("reason" in refused.error)) throw new Error("A code was accepted twice.");
  console.log("The same code:", refused.error.reason);

  const token = totp(process.env.GATE_SECRET ?? "", Date.now() / 1000);
  const gate = await api.gatePostVerify({ client, body: { token }, throwOnError: true });
  console.log("Gate:", gate.response.status);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
