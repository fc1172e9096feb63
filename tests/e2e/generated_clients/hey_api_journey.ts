/**
 * Drives the service with the client that hey-api generates, and prints what the calls return, by step.
 *
 * Arguments: the service's URL, an API key, the name and the password of an administrator.
 */
import { createClient } from "./client/client";
import * as api from "./client";

const [base, apiKey, user, password] = process.argv.slice(2) as [string, string, string, string];
const SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const CODES = ["755224", "287082", "359152"] as const;
const path = { account_id: "hey-api" };
const steps: Record<string, unknown> = {};

/** Keeps the status and the chosen members of an answer. */
function note(step: string, answer: { response?: Response }, members: Record<string, unknown>): void {
  steps[step] = { status: answer.response?.status, ...members };
}

/** Returns what a call has returned. */
function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the call was refused");
  return value;
}

/** Returns the name of the type of a problem: the compiler knows by its `type` which one it is. */
function refusal(problem: api.CodeRejectedOrCrossSiteRequestOrForbiddenProblem): Record<string, unknown> {
  switch (problem.type) {
    case "/problems/code-rejected": {
      const rejected: api.CodeRejectedProblem = problem;
      return { model: "CodeRejectedProblem", reason: rejected.reason };
    }
    case "/problems/cross-site-request":
      return { model: "CrossSiteRequestProblem" };
    case "/problems/forbidden": {
      const forbidden: api.ForbiddenProblem = problem;
      return { model: "ForbiddenProblem", scope: forbidden.scope };
    }
  }
}

/** Returns the names of the types of factors, by their discriminator. */
function factors(listed: Array<api.AccountFactor | api.SessionFactor>): string[] {
  const names = { otp: "Otp", hotp: "Hotp", totp: "Totp", "recovery-codes": "RecoveryCodes" };
  return listed.map((factor) => names[factor.factor]).sort();
}

/** Returns the types of the replacements, null included. */
function replacements(listed: api.AccountFactor[]): string[] {
  return listed
    .flatMap((factor) => (factor.factor === "hotp" || factor.factor === "totp" ? [factor.replacement] : []))
    .map((found) => (found ? (new Date(found.created_at).getFullYear() > 2020 ? "Replacement" : "?") : String(found)))
    .sort();
}

async function main(): Promise<void> {
  const shop = createClient({ baseUrl: base, auth: () => apiKey });
  const code = (value: string) => ({ client: shop, path, body: { code: value } });
  const enrolled = await api.accountPostHotp({ client: shop, path, body: { secret: SECRET } });
  note("enrol", enrolled, { model: "HotpEnrolment", state: must(enrolled.data).status });
  const confirmed = await api.accountPostHotpVerify(code(CODES[0]));
  note("confirm", confirmed, { model: "Verified", state: must(confirmed.data).status });
  const passed = await api.accountPostChallenge(code(CODES[1]));
  note("challenge", passed, { model: "ChallengePassed", factor: must(passed.data).factor });
  const replayed = await api.accountPostChallenge(code(CODES[1]));
  note("replay", replayed, refusal(must(replayed.error) as api.AccountPostChallengeErrors[403]));
  const recovery = await api.accountPostRecoveryCodes({ client: shop, path });
  note("recovery codes", recovery, { model: "IssuedRecoveryCodes" });
  const spent = await api.accountPostRecoveryCodesVerify(code(must(must(recovery.data).codes[0])));
  note("recovery code", spent, { model: "RecoveryCodesVerified", remaining: must(spent.data).remaining });
  await api.accountPostTotp({ client: shop, path, body: {} });
  const picture = await api.accountGetTotpQr({ client: shop, path, parseAs: "text" });
  note("picture", picture, { start: String(must(picture.data)).slice(0, 5) });
  const account = await api.accountGetAll({ client: shop, path });
  const listed = must(account.data).factors;
  note("account", account, { model: "Account", factors: factors(listed), replacements: replacements(listed) });
  await api.accountPostHotpReplacement({ client: shop, path, body: {} });
  const replacing = await api.accountGetAll({ client: shop, path });
  const beside = replacements(must(replacing.data).factors);
  note("account with a replacement", replacing, { model: "Account", replacements: beside });
  const issued = await api.accountPostOtp({ client: shop, path, body: { digits: 8 } });
  note("one-time code", issued, { model: "IssuedCode" });
  const verified = await api.accountPostOtpVerify(code(must(must(issued.data).code)));
  note("verify the one-time code", verified, { model: "Verified", factor: must(verified.data).factor });
  const unknown = await api.accountGetOtp({ client: shop, path: { account_id: "hey-api-unknown" } });
  const missing: api.NotEnrolledProblem = must(unknown.error) as api.AccountGetOtpErrors[404];
  note("not enrolled", unknown, { model: missing.type === "/problems/not-enrolled" ? "NotEnrolledProblem" : "?" });

  const stranger = createClient({ baseUrl: base });
  const started = await api.sessionPostHotp({ client: stranger, body: { secret: SECRET } });
  note("session", started, { model: "HotpEnrolment" });
  const cookie = must(started.response?.headers.get("Set-Cookie")?.split(";")[0]?.split("=").slice(1).join("="));
  const person = createClient({ baseUrl: base, auth: () => cookie });
  const judged = await api.sessionPostHotpVerify({ client: person, body: { code: CODES[0] } });
  note("confirm in the session", judged, { model: "Verified", state: must(judged.data).status });
  const factor = await api.sessionGetHotp({ client: person });
  note("factor of the session", factor, { model: must(factor.data).factor === "hotp" ? "Hotp" : "?" });
  const list = await api.sessionGetAll({ client: person });
  note("list of the session", list, { model: "Owner", factors: factors(must(list.data).factors) });
  for (let wrong = 0; wrong < 5; wrong += 1) {
    await api.sessionPostHotpVerify({ client: person, body: { code: "000000" } });
  }
  const locked = await api.sessionPostHotpVerify({ client: person, body: { code: "000000" } });
  const lock = must(locked.error) as api.SessionPostHotpVerifyErrors[429];
  note("locked", locked, { model: lock.type === "/problems/locked" && lock.locked_until ? "LockedProblem" : "?" });

  const administrator = createClient({ baseUrl: base, auth: () => `${user}:${password}` });
  const server = await api.adminGetServer({ client: administrator });
  const { status, datetime } = must(server.data);
  note("server", server, { model: "Server", state: status, century: datetime?.slice(0, 2) });
  console.log(JSON.stringify(steps));
}

void main();
