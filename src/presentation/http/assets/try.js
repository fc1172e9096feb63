// The page where a person tries it. It calls the public session API and nothing else, so it is an example of that too.

/** The path below which the service runs: empty, or such as /mfa. */
const ROOT = new URL("..", import.meta.url).pathname.slice(0, -1);
const SESSION = `${ROOT}/api/v1/session`;
const NAMES = { totp: "TOTP", hotp: "HOTP", otp: "one-time code" };
const MOST_EXCHANGES = 10;
/** Milliseconds. */
const PATIENCE = 10000;
/** What is shown once is not to be read later in the list of requests either. */
const SHOWN_ONCE = ["secret", "uri", "code"];

const find = (id) => document.getElementById(id);
const show = (id, shown) => { find(id).hidden = !shown; };

/** What the service last said: the factors of this session, by name. */
let factors = {};
/** What is shown once and never again, by factor: the answers to enrolling. */
const once = {};
/** How far the service's clock is ahead of this device's, in milliseconds. */
let ahead = 0;
/** Until when no code is judged, in milliseconds of the service's time, by factor. */
const locked = {};
let picture = null;
/** Whose state is on the screen: the factor chosen, once the service has said all that there is to show of it. */
let drawn = null;
/** What was asked for is done one after the other, so that no late answer lands on what was chosen since. */
let queue = Promise.resolve();
let waiting = 0;
let sent = 0;

/** No answer, or none of the service's; the message is for a person. */
class Unanswered extends Error {}

const now = () => Date.now() + ahead;
const chosen = () => document.querySelector("input[name=factor]:checked").value;
const quantity = (count, unit) => `${count} ${unit}${count === 1 ? "" : "s"}`;
const duration = (seconds) => {
  if (seconds < 100) return quantity(seconds, "second");
  return `${quantity(Math.floor(seconds / 60), "minute")} and ${quantity(seconds % 60, "second")}`;
};
const groups = (text, size) => text.match(new RegExp(`.{1,${size}}`, "g")).join(" ");

// The API

async function send(method, path, body) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer, text;
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    answer = await fetch(path, { method, headers, body: JSON.stringify(body), cache: "no-store", signal });
    text = await answer.text();
  } catch {
    throw new Unanswered("The service could not be reached. Is it running? Then try again.");
  }
  if (method !== "GET") note(`${method} ${path}`, body, answer.status, text);
  keepTime(answer);
  const document = parsed(text);
  if (text && document === null) {
    throw new Unanswered(`Something in front of the service has answered in its place, with status ${answer.status}.`);
  }
  return { status: answer.status, body: document };
}

/** null for what is no JSON. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function keepTime(answer) {
  const date = Date.parse(answer.headers.get("Date"));
  // It has whole seconds: half of one is the best guess.
  if (!Number.isNaN(date)) ahead = date + 500 - Date.now();
}

function note(request, body, status, text) {
  const entry = document.createElement("li");
  const asked = body === undefined ? request : `${request}\n${JSON.stringify(body, masked)}`;
  for (const line of [asked, `${status}\n${pretty(text)}`]) {
    const block = document.createElement("pre");
    block.textContent = line.trim();
    entry.append(block);
  }
  find("exchanges").prepend(entry);
  find("exchanges").start = ++sent;
  while (find("exchanges").children.length > MOST_EXCHANGES) find("exchanges").lastChild.remove();
}

function pretty(text) {
  const document = parsed(text);
  return document === null ? text : JSON.stringify(document, masked, 2);
}

function masked(name, value) {
  return SHOWN_ONCE.includes(name) && typeof value === "string" ? "…" : value;
}

/** Does what a person asked for, after what was asked for before; a failure is told and leaves the page as it was. */
function attempt(action) {
  waiting += 1;
  mark(true);
  queue = queue.then(action).catch((error) => {
    if (!(error instanceof Unanswered)) console.error(error);
    tell("refused", "No answer", error instanceof Unanswered ? error.message : "This page has a fault. Load it again.");
  }).finally(() => {
    waiting -= 1;
    if (!waiting) mark(false);
  });
}

function mark(busy) {
  for (const button of document.querySelectorAll("#trial button")) button.ariaDisabled = busy ? "true" : null;
}

// What the buttons do

async function enrol() {
  const factor = chosen();
  const { status, body } = await send("POST", `${SESSION}/${factor}`, {});
  if (status === 201) {
    once[factor] = body;
    tell();
  } else {
    explain(factor, body);
  }
  await refresh();
  if (status === 201 && factor === chosen()) find("shown").focus();
}

async function verify() {
  const factor = chosen();
  const field = find("code");
  const first = factors[factor]?.status === "pending";
  const { status, body } = await send("POST", `${SESSION}/${factor}/verify`, { code: field.value });
  if (status === 200) {
    delete once[factor];
    tell("accepted", "Accepted", farewell(factor, first));
  } else {
    explain(factor, body);
  }
  field.setAttribute("aria-invalid", String(status !== 200));
  await refresh();
  if (factor !== chosen()) return;
  if (find("enrolled").hidden) {
    find("start").querySelector("h2").focus();
  } else {
    field.focus();
    field.select();
  }
  find("verdict").scrollIntoView({ block: "nearest" });
}

function farewell(factor, first) {
  if (factor === "otp") return "It was good for this one time.";
  const again = "Send the same code once more to see that it is good only once.";
  return first ? `The factor is confirmed, and its key is shown no more. ${again}` : again;
}

async function remove() {
  const factor = chosen();
  const { status, body } = await send("DELETE", `${SESSION}/${factor}`);
  delete once[factor];
  if (status === 204 || status === 404) tell();
  else explain(factor, body);
  await refresh();
  find("start").querySelector("h2").focus();
}

/** Says what became of a request that was refused, in the words of a person rather than of the API. */
function explain(factor, problem) {
  const [, slug] = /\/problems\/([a-z-]+)$/.exec(problem?.type) ?? [];
  const { reason, attempts_left: left } = problem ?? {};
  if (problem?.locked_until) locked[factor] = Date.parse(problem.locked_until);
  if (slug === "locked") {
    tell("refused", "Locked", "There were too many wrong codes. Until the lock ends no code is judged, not even a good one.");
  } else if (reason === "wrong" && left > 0) {
    tell("refused", "Refused", `The code is wrong. ${quantity(left, "attempt")} left.`);
  } else if (reason === "wrong") {
    tell("refused", "Refused", "The code is wrong, and it was one too many.");
  } else if (reason === "replayed") {
    tell("refused", "Replayed", "The code was good, but it was used before, and is good only once. It costs no attempt.");
  } else if (reason === "expired") {
    tell("refused", "Expired", "The code came too late. Begin again for a new one.");
  } else if (problem?.errors) {
    tell("refused", "Not valid", Object.values(problem.errors).flat().join(" "));
  } else {
    tell("refused", problem?.title ?? "Not understood", problem?.detail ?? "The answer is none of Open-MFA's.", slug);
  }
}

/** One line of verdict, which screen readers read out; nothing at all without a word. */
function tell(kind = "", word = "", text = "", slug = "") {
  const verdict = find("verdict");
  verdict.className = kind;
  const parts = [];
  if (word) {
    const strong = document.createElement("strong");
    strong.textContent = `${word}.`;
    parts.push(strong, ` ${text} `);
  }
  if (slug) {
    const more = document.createElement("a");
    more.href = `${ROOT}/problems/${slug}`;
    more.textContent = "What to do";
    parts.push(more);
  }
  verdict.replaceChildren(...parts);
}

// What is shown

async function refresh() {
  try {
    const { status, body } = await send("GET", SESSION);
    if (status !== 200) throw new Unanswered(body?.detail ?? `The service answers with status ${status}.`);
    factors = Object.fromEntries(body.factors.map((factor) => [factor.factor, factor]));
    for (const [name, { locked_until: until }] of Object.entries(factors)) {
      locked[name] = until ? Date.parse(until) : 0;
    }
    for (const [name, { expires_at: end }] of Object.entries(once)) {
      // Another tab has begun again: what this one knows is of something that is gone.
      if (factors[name]?.expires_at !== end) delete once[name];
    }
  } catch (error) {
    // A verdict that was given stands, whatever becomes of the question after it.
    if (!(error instanceof Unanswered) || !find("verdict").textContent) throw error;
  } finally {
    await draw();
  }
}

async function draw() {
  const factor = chosen();
  const state = factors[factor];
  const secret = once[factor];
  const pending = state?.status === "pending";
  const enrolment = factor !== "otp";
  // Before anything is drawn: no picture stands beside another key, for as long as its own is on the way.
  const image = enrolment && pending ? await fetchPicture(`${SESSION}/${factor}/qr`) : null;
  if (factor !== chosen()) return; // what was chosen since is drawn next
  drawn = factor;

  for (const part of document.querySelectorAll("[data-for]")) part.hidden = !part.dataset.for.split(" ").includes(factor);
  find("enrol").textContent = enrolment ? `Enrol ${NAMES[factor]}` : "Ask for a code";
  // Hidden is not enough for what is shown once.
  find("groups").textContent = enrolment && secret ? groups(secret.secret, 4) : "";
  if (enrolment && secret) find("uri").href = secret.uri;
  else find("uri").removeAttribute("href");
  find("issued-code").textContent = !enrolment && secret ? groups(secret.code, 3) : "";
  show("start", !state);
  show("enrolled", Boolean(state));
  show("again", Boolean(state));
  if (state) {
    find("shown").textContent = !pending ? "2. Enrolled" : enrolment ? "2. Scan" : "2. Read";
    show("key", enrolment && pending);
    show("known", Boolean(secret));
    show("unknown", !secret);
    show("uri", Boolean(secret));
    show("copy", Boolean(secret) && Boolean(navigator.clipboard));
    show("issued", !enrolment && Boolean(secret));
    show("hidden-now", enrolment ? !pending : !secret);
    find("hidden-now").textContent = enrolment
      ? "The key is in your authenticator, and is shown no more."
      : pending
        ? "The code was shown when it was issued. Begin again for a new one."
        : "The code is spent. Begin again for a new one.";
  }
  drawPicture(image);
  tick();
}

function drawPicture(image) {
  if (picture) URL.revokeObjectURL(picture);
  // Not the path itself: a browser keeps the picture that it has shown under it, and the next key has the same one.
  picture = image ? URL.createObjectURL(image) : null;
  if (picture) find("qr").src = picture;
  else find("qr").removeAttribute("src");
}

/** null without an answer: then there is no picture, and still the key. */
async function fetchPicture(path) {
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    const answer = await fetch(path, { headers: { Accept: "image/svg+xml" }, cache: "no-store", signal });
    return answer.ok ? await answer.blob() : null;
  } catch {
    return null;
  }
}

/** What changes with time alone. */
function tick() {
  const factor = drawn;
  const state = factors[factor];
  const wait = Math.ceil(((locked[factor] ?? 0) - now()) / 1000);
  show("wait", wait > 0);
  if (wait > 0) find("wait").textContent = `You can try again in ${duration(wait)}.`;
  if (!state) return;
  const spent = factor === "otp" && state.status !== "pending";
  show("progress", factor !== "hotp" && !spent);
  show("time", !spent);
  if (spent) return;
  if (factor === "hotp") {
    find("time").textContent = `The next code is that of counter ${state.counter}.`;
    return;
  }
  const [total, left] = factor === "totp" ? stepOf(state) : lifeOf(state);
  find("progress").max = total;
  find("progress").value = Math.max(0, left);
  const seconds = Math.max(0, Math.ceil(left));
  find("time").textContent = factor === "totp"
    ? `The code changes in ${quantity(seconds, "second")}.`
    : `The code ends in ${duration(seconds)}.`;
}

/** Length and rest of the present time step, in seconds (RFC 6238, section 4). */
function stepOf(state) {
  return [state.interval, state.interval - ((now() / 1000) % state.interval)];
}

function lifeOf(state) {
  const end = Date.parse(state.expires_at);
  return [(end - Date.parse(state.created_at)) / 1000, (end - now()) / 1000];
}

/** Pressed twice is pressed once. */
const press = (action) => { if (!waiting) attempt(action); };

find("enrol").addEventListener("click", () => press(enrol));
find("remove").addEventListener("click", () => press(remove));
find("verification").addEventListener("submit", (event) => {
  event.preventDefault();
  press(verify);
});
find("copy").addEventListener("click", () => press(async () => {
  const done = await navigator.clipboard.writeText(once[chosen()].secret).then(() => true, () => false);
  if (done) tell("accepted", "Copied", "The key is on the clipboard.");
  else tell("refused", "Not copied", "The browser does not let this page write to the clipboard.");
}));
for (const choice of document.querySelectorAll("input[name=factor]")) {
  choice.addEventListener("change", () => attempt(async () => {
    tell();
    find("verification").reset();
    find("code").removeAttribute("aria-invalid");
    await refresh();
  }));
}
setInterval(tick, 250);
show("scriptless", false);
show("trial", true);
attempt(refresh);
