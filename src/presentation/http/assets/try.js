// The try-it page. It calls only the public session API, so it is also an example of the use of that API.

/** The path below which the service runs: empty, or for example /mfa. */
const ROOT = new URL("..", import.meta.url).pathname.slice(0, -1);
const SESSION = `${ROOT}/api/v1/session`;
const NAMES = { totp: "TOTP", hotp: "HOTP", otp: "one-time code" };
const MAX_EXCHANGES = 10;
/** Milliseconds. */
const TIMEOUT = 10000;
/** The list of requests does not show these members, because the service shows them only once. */
const SHOWN_ONCE = ["secret", "uri", "code"];
/** The look of a result (see page.css), by the id of its icon. */
const LOOKS = { accepted: "good", replayed: "notice", refused: "bad", locked: "bad" };

const find = (id) => document.getElementById(id);
const all = (selector) => document.querySelectorAll(selector);

/** The factors of the session by name, as the service last reported them. */
let factors = {};
/** The responses to enrolments by factor, because their secrets are shown only once. */
const enrolments = {};
/** The ends of locks by factor, in milliseconds of the service's clock. */
const locks = {};
/** The difference between the service's clock and this device's clock, in milliseconds. */
let clockOffset = 0;
/** The factor on the screen. It differs from the chosen factor until the service has reported everything about that. */
let drawn = null;
let picture = null;
/** Actions run one after the other, so that a late response does not change a factor that was chosen since. */
let queue = Promise.resolve();
let waiting = 0;
let sent = 0;

/** The service did not respond; the message is for a person. */
class NoResponse extends Error {}

const now = () => Date.now() + clockOffset;
const chosen = () => document.querySelector("input[name=factor]:checked").value;
const quantity = (count, unit) => `${count} ${unit}${count === 1 ? "" : "s"}`;
const duration = (seconds) => {
  if (seconds < 100) return quantity(seconds, "second");
  const minutes = quantity(Math.floor(seconds / 60), "minute");
  return seconds % 60 ? `${minutes} and ${quantity(seconds % 60, "second")}` : minutes;
};
const groups = (text, size) => text.match(new RegExp(`.{1,${size}}`, "g")).join(" ");

// The API

async function send(method, path, body) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response, text;
  try {
    const signal = AbortSignal.timeout(TIMEOUT);
    response = await fetch(path, { method, headers, body: JSON.stringify(body), cache: "no-store", signal });
    text = await response.text();
  } catch {
    throw new NoResponse("The service could not be reached. Check that it is running, and try again.");
  }
  if (method !== "GET") record(`${method} ${path}`, body, response.status, text);
  const date = Date.parse(response.headers.get("Date"));
  // The header has whole seconds, so half a second is the best estimate of the rest.
  if (!Number.isNaN(date)) clockOffset = date + 500 - Date.now();
  const parsed = parse(text);
  if (text && parsed === null) {
    throw new NoResponse(`A proxy in front of the service responded instead of it, with status ${response.status}.`);
  }
  return { status: response.status, body: parsed };
}

/** Returns null for text that is not JSON. */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Adds a request and its response to the list. */
function record(request, body, status, text) {
  const mask = (name, value) => (SHOWN_ONCE.includes(name) && typeof value === "string" ? "…" : value);
  const parsed = parse(text);
  const entry = document.createElement("li");
  for (const lines of [
    `${request}\n${body === undefined ? "" : JSON.stringify(body, mask)}`,
    `${status}\n${parsed === null ? text : JSON.stringify(parsed, mask, 2)}`,
  ]) {
    entry.appendChild(document.createElement("pre")).textContent = lines.trim();
  }
  find("exchanges").prepend(entry);
  find("exchanges").start = ++sent;
  if (sent > MAX_EXCHANGES) find("exchanges").lastChild.remove();
}

/** Returns null if there is no response. The page then shows the key without a QR code. */
async function fetchPicture(factor) {
  try {
    const signal = AbortSignal.timeout(TIMEOUT);
    const headers = { Accept: "image/svg+xml" };
    const response = await fetch(`${SESSION}/${factor}/qr`, { headers, cache: "no-store", signal });
    return response.ok ? await response.blob() : null;
  } catch {
    return null;
  }
}

// The actions

/** Runs an action after the earlier ones. A failure becomes a result, and leaves the rest of the page as it was. */
function run(action) {
  waiting += 1;
  markBusy();
  queue = queue.then(action).catch((error) => {
    const known = error instanceof NoResponse;
    if (!known) console.error(error);
    showResult("refused", known ? "No response" : "Error", known ? error.message : "This page has a bug. Reload it.");
  }).finally(() => {
    waiting -= 1;
    markBusy();
  });
}

function markBusy() {
  for (const button of all("#trial button")) button.ariaDisabled = waiting ? "true" : null;
}

async function enrol() {
  const factor = chosen();
  const { status, body } = await send("POST", `${SESSION}/${factor}`, {});
  if (status === 201) {
    enrolments[factor] = body;
    showResult();
  } else {
    showProblem(factor, body);
  }
  await refresh();
  if (status === 201 && factor === chosen()) find("enrolment").focus();
}

async function verify() {
  const factor = chosen();
  const field = find("code");
  const first = factors[factor]?.status === "pending";
  const { status, body } = await send("POST", `${SESSION}/${factor}/verify`, { code: field.value });
  if (status === 200) {
    delete enrolments[factor];
    showAccepted(factor, first);
  } else {
    showProblem(factor, body);
  }
  field.setAttribute("aria-invalid", String(status !== 200));
  await refresh();
  if (factor !== chosen()) return;
  if (factors[factor]) {
    field.focus();
    field.select();
  } else {
    find("enrolment").focus();
  }
  find("result").scrollIntoView({ block: "nearest" });
}

async function remove() {
  const factor = chosen();
  const { status, body } = await send("DELETE", `${SESSION}/${factor}`);
  delete enrolments[factor];
  if (status === 204 || status === 404) showResult();
  else showProblem(factor, body);
  await refresh();
  find("enrolment").focus();
}

async function copy() {
  const copied = await navigator.clipboard.writeText(enrolments[chosen()].secret).then(() => true, () => false);
  if (copied) showResult("accepted", "Copied", "The key is on the clipboard.");
  else showResult("refused", "Not copied", "The browser does not let this page write to the clipboard.");
}

async function choose() {
  showResult();
  find("verification").reset();
  find("code").removeAttribute("aria-invalid");
  await refresh();
}

// The result

function showAccepted(factor, first) {
  const confirmed = first ? "The factor is confirmed, and its key is not shown again. " : "";
  const replay = "Send the same code again to see that it is accepted only once.";
  showResult("accepted", "Accepted", factor === "otp" ? "The code was valid once, and is now used." : confirmed + replay);
}

/** Shows why the service refused a request, in words for a person. */
function showProblem(factor, problem) {
  const [, slug] = /\/problems\/([a-z-]+)$/.exec(problem?.type) ?? [];
  const { reason, attempts_left: left } = problem ?? {};
  if (problem?.locked_until) locks[factor] = Date.parse(problem.locked_until);
  if (slug === "locked") {
    showResult("locked", "Locked", "Too many codes were wrong. Until the lock ends, the service accepts no code, not even a correct one.");
  } else if (reason === "wrong" && left > 0) {
    showResult("refused", "Wrong code", `${quantity(left, "attempt")} left until the service locks the factor.`);
  } else if (reason === "wrong") {
    showResult("locked", "Wrong code, now locked", "That was the last attempt.");
  } else if (reason === "replayed") {
    showResult("replayed", "Replayed", "The code is correct, but it was used before. Each code is accepted only once. A replay does not use up an attempt.");
  } else if (reason === "expired") {
    showResult("refused", "Expired", "The code came too late. Begin again for a new code.");
  } else if (problem?.errors) {
    showResult("refused", "Not valid", Object.values(problem.errors).flat().join(" "));
  } else {
    showResult("refused", problem?.title ?? "Not understood", problem?.detail ?? "The response does not come from Open-MFA.", slug);
  }
}

/** Shows a result, which screen readers announce. Without arguments, shows none. */
function showResult(icon, word = "", text = "", slug = "") {
  find("result").className = `message ${LOOKS[icon]}`;
  find("icon").setAttribute("href", `#${icon}`);
  find("result").hidden = !icon;
  find("no-result").hidden = Boolean(icon);
  const parts = Object.entries({ strong: word, span: text, a: slug && " What to do" }).filter(([, content]) => content);
  find("verdict").replaceChildren(...parts.map(([name, content]) => {
    const element = document.createElement(name);
    element.textContent = content;
    if (name === "a") element.href = `${ROOT}/problems/${slug}`;
    return element;
  }));
}

// The rest of the page

async function refresh() {
  try {
    const { status, body } = await send("GET", SESSION);
    if (status !== 200) throw new NoResponse(body?.detail ?? `The service responded with status ${status}.`);
    factors = Object.fromEntries(body.factors.map((factor) => [factor.factor, factor]));
    for (const [name, { locked_until: end }] of Object.entries(factors)) locks[name] = end ? Date.parse(end) : 0;
    for (const [name, { expires_at: end }] of Object.entries(enrolments)) {
      // Another tab has enrolled again, so this enrolment no longer exists.
      if (factors[name]?.expires_at !== end) delete enrolments[name];
    }
  } catch (error) {
    // A verdict stays on the screen, even if the next request fails.
    if (!(error instanceof NoResponse) || !find("verdict").textContent) throw error;
  } finally {
    await draw();
  }
}

async function draw() {
  const factor = chosen();
  const state = factors[factor];
  const enrolment = enrolments[factor];
  const authenticator = factor !== "otp";
  const pending = state?.status === "pending";
  // The picture comes first, so that no picture is ever shown beside another key.
  const image = authenticator && pending ? await fetchPicture(factor) : null;
  if (factor !== chosen()) return; // The next action draws the factor that was chosen since.
  drawn = factor;

  find("enrol").textContent = authenticator ? `Enrol ${NAMES[factor]}` : "Issue a code";
  // It is not enough to hide secrets: they must leave the page.
  find("groups").textContent = authenticator && enrolment ? groups(enrolment.secret, 4) : "";
  find("issued-code").textContent = !authenticator && enrolment ? groups(enrolment.code, 3) : "";
  if (authenticator && enrolment) find("uri").href = enrolment.uri;
  else find("uri").removeAttribute("href");
  const usable = authenticator || pending;
  const facts = {
    new: !state,
    enrolled: state,
    pending,
    confirmed: state && !pending,
    known: enrolment,
    unknown: !enrolment,
    authenticator,
    otp: !authenticator,
    clipboard: navigator.clipboard,
    usable,
    timed: usable && factor !== "hotp",
  };
  for (const part of all("[data-when]")) part.hidden = !part.dataset.when.split(" ").every((fact) => facts[fact]);
  drawPicture(image);
  if (secondsLocked() > 0 && !find("verdict").textContent) showResult("locked", "Locked", "Too many codes were wrong.");
  tick();
}

function drawPicture(image) {
  if (picture) URL.revokeObjectURL(picture);
  // The path itself is not used, because a browser caches its picture, and the next key has the same path.
  picture = image ? URL.createObjectURL(image) : null;
  if (picture) find("qr").src = picture;
  else find("qr").removeAttribute("src");
}

const secondsLocked = () => Math.ceil(((locks[drawn] ?? 0) - now()) / 1000);

/** Draws the parts that change with time. */
function tick() {
  const state = factors[drawn];
  const locked = secondsLocked();
  if (locked <= 0 && !find("wait").hidden && find("icon").getAttribute("href") === "#locked") {
    showResult("accepted", "Unlocked", "The lock has ended. You can try again.");
  }
  find("wait").hidden = locked <= 0;
  if (locked > 0) find("wait").textContent = `You can try again in ${duration(locked)}.`;
  if (!state) return;
  if (drawn === "hotp") {
    find("time").textContent = `The next code is the code of counter ${state.counter}.`;
    return;
  }
  const [total, left] = drawn === "totp" ? stepOf(state) : lifetimeOf(state);
  const seconds = Math.max(0, Math.ceil(left));
  find("progress").max = total;
  find("progress").value = Math.max(0, left);
  find("time").textContent = drawn === "totp"
    ? `The code changes in ${quantity(seconds, "second")}.`
    : `The code expires in ${duration(seconds)}.`;
}

/** Returns the length of the time step and the rest of the current one, in seconds (RFC 6238, section 4). */
function stepOf(state) {
  return [state.interval, state.interval - ((now() / 1000) % state.interval)];
}

/** Returns the lifetime of the code and the rest of it, in seconds. */
function lifetimeOf(state) {
  const end = Date.parse(state.expires_at);
  return [(end - Date.parse(state.created_at)) / 1000, (end - now()) / 1000];
}

/** Runs an action unless one is running, so that a double click counts once. */
const press = (action) => { if (!waiting) run(action); };

find("enrol").addEventListener("click", () => press(enrol));
find("remove").addEventListener("click", () => press(remove));
find("copy").addEventListener("click", () => press(copy));
find("verification").addEventListener("submit", (event) => {
  event.preventDefault();
  press(verify);
});
for (const choice of all("input[name=factor]")) choice.addEventListener("change", () => run(choose));
setInterval(tick, 250);
find("scriptless").hidden = true;
find("trial").hidden = false;
run(refresh);
