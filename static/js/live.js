// Keeps what is on the page right while other people change it.
//
// Markup says what it shows (data-live="profile:42@17"); a notice that a subject moved on becomes a DOM event of that name on <body>,
// and htmx fetches and morphs whatever is triggered by it. After each swap the versions on the page are compared with the highest
// heard, so that a page can be late for a moment but never stays wrong. This file also shows the state of the connection, holds
// updates back while they are paused, marks what changed, and tells screen readers, seldom.

import { Connection } from "./connection.js";

const SUMMARY_AFTER = 300;
const SUMMARY_EVERY = 5_000;
export const MARK_FOR = 4_000;
const SAY_AFTER = 5_000;
const TRIES = 3;
const ASK_AFTER_AWAY = 20_000;
const WORKER_SILENT = 150_000;
const ASK_FIRST = 1_000;
const ASK_AT_MOST = 60_000;

const meta = document.querySelector('meta[name="live"]');
const heard = new Map(); // subject → highest version heard
const waiting = new Map(); // subject → notice held back while paused
const expected = new Map(); // element id → names of the fields that changed
const tries = new Map(); // "subject@version" → times asked
const changedNames = new Set();
let sentence = "";
let link = null;
let hiddenAt = 0;
let isPutAside = false;
let askTimer = 0;
let askDelay = ASK_FIRST;
let lastShown = "";
let state = "connecting"; // as it is shown
let word = "connecting"; // as it is
let stateTimer = 0;
let newVersion = "";
let summaryTimer = 0;
let summaryAt = 0;

// ---- what the page shows

function versionsOf(element) {
  return element.dataset.live.split(" ").filter(Boolean).map((word) => {
    const [subject, version] = word.split("@");
    return [subject, Number(version)];
  });
}

function shown() {
  const all = {};
  for (const element of document.querySelectorAll("[data-live]")) {
    for (const [subject, version] of versionsOf(element)) all[subject] = Math.min(version, all[subject] ?? version);
  }
  return all;
}

function tellWhatIsShown() {
  const now = shown();
  const text = JSON.stringify([now, document.hidden]);
  if (text === lastShown) return;
  lastShown = text;
  link?.show(now);
}

// ---- notices

function hear(subject, data) {
  document.dispatchEvent(new CustomEvent("duet:notice", { detail: { subject, data } }));
  if (data.v !== undefined) {
    if (data.v <= (heard.get(subject) ?? -1)) {
      catchUp(); // by the stream and by the watch call's answer, say: what is being fetched already is not fetched twice
      return;
    }
    heard.set(subject, data.v);
    if (!isBehind(subject)) return;
  }
  if (isPaused() && subject !== "me") {
    waiting.set(subject, data);
    showState();
  } else {
    refresh(subject, data);
  }
}

function elementsShowing(subject) {
  return [...document.querySelectorAll(`[data-live*="${CSS.escape(subject)}@"]`)].filter((element) =>
    versionsOf(element).some(([name]) => name === subject));
}

function isBehind(subject, elements = elementsShowing(subject)) {
  const newest = heard.get(subject) ?? -1;
  return elements.some((element) => versionsOf(element).some(([name, version]) => name === subject && version < newest));
}

/** Whether everything on the page is as new as what was heard of it. */
export const isRight = () => Object.keys(shown()).every((subject) => !isBehind(subject));

function refresh(subject, data) {
  const isOwnDoing = subject.startsWith("match:") || data.own; // my half of a match, and what I asked or answered: no news to me
  for (const element of elementsShowing(subject)) {
    if (element.id && !isOwnDoing) expected.set(element.id, new Set([...(expected.get(element.id) ?? []), ...(data.fields ?? [])]));
  }
  document.body.dispatchEvent(new CustomEvent(subject, { detail: data }));
  askLater(); // between a morph that changed its triggers and htmx's next look at it, an element does not listen
}

// A notice can come between a fragment's rendering and its swap: whatever is still behind is asked for again.
function catchUp() {
  if (isPaused() || word === "ended") return;
  for (const subject of Object.keys(shown())) {
    const idle = elementsShowing(subject).filter((element) => !element.classList.contains("htmx-request"));
    if (!heard.has(subject) || !isBehind(subject, idle)) continue;
    const key = `${subject}@${heard.get(subject)}`;
    const tried = tries.get(key) ?? 0;
    tries.set(key, tried + 1);
    if (tried < TRIES) refresh(subject, { v: heard.get(subject) });
    else askLater();
  }
}

// Nobody heard, or the server answers, but not with what it announced: ask again, ever less often, and at once when the connection comes back.
function askLater() {
  askTimer ||= setTimeout(() => {
    askTimer = 0;
    askDelay = Object.keys(shown()).some((subject) => isBehind(subject)) ? Math.min(ASK_AT_MOST, askDelay * 2) : ASK_FIRST;
    tries.clear();
    catchUp();
  }, askDelay);
}

// ---- after a swap

let focusWasIn = null;
const ownDoings = new WeakMap(); // htmx's context of a request → what the form or link that asked wants said, and where its person goes on

document.addEventListener("htmx:before:swap", ({ detail }) => {
  const { say, goTo } = detail.ctx.sourceElement?.dataset ?? {};
  if (say || goTo) ownDoings.set(detail.ctx, { say, goTo });
  const target = detail.ctx.target;
  focusWasIn = target instanceof Element && target.hasAttribute("data-live") && target.contains(document.activeElement) ? target.id : null;
});

document.addEventListener("htmx:after:swap", ({ detail }) => {
  const element = detail.ctx.sourceElement;
  if (element?.id && expected.has(element.id) && element.hasAttribute("data-live")) {
    mark(element, expected.get(element.id));
    expected.delete(element.id);
    const name = element.dataset.liveName;
    if (name) summarise(name);
  }
  if (focusWasIn && document.activeElement === document.body) {
    const heading = document.getElementById(focusWasIn)?.querySelector("h1, h2, h3, a");
    heading?.setAttribute("tabindex", "-1");
    heading?.focus({ preventScroll: true });
  }
  focusWasIn = null;
  const { say, goTo } = ownDoings.get(detail.ctx) ?? {};
  if (goTo) document.getElementById(goTo)?.focus({ preventScroll: true });
  if (say) tell(say);
});

// Once htmx has let go of the element that asked; a queued request has then marked it as asking again.
document.addEventListener("htmx:finally:request", () => setTimeout(pageChanged));

function pageChanged() {
  showState();
  catchUp();
  tellWhatIsShown();
}

// Which part changed: the parts that show a named field, or the whole element.
function mark(element, fields) {
  const parts = [...element.querySelectorAll("[data-field]")].filter((part) => fields.has(part.dataset.field));
  for (const part of parts.length ? parts : element.dataset.liveName ? [element] : []) {
    part.dataset.updated = "";
    setTimeout(() => delete part.dataset.updated, MARK_FOR);
  }
}

// At most one sentence in five seconds, and none for one's own doings (those elements carry no data-live-name).
function summarise(name) {
  changedNames.add(name);
  saySoon();
}

/** Say something to screen readers when its turn comes; what was to be said before and has not been is forgotten. */
export function say(words) {
  sentence = words;
  saySoon();
}

function saySoon() {
  summaryTimer ||= setTimeout(saySummary, Math.max(SUMMARY_AFTER, summaryAt + SUMMARY_EVERY - performance.now()));
}

function saySummary() {
  const names = [...changedNames];
  summaryAt = performance.now();
  summaryTimer = 0;
  if (sentence) {
    tell(sentence);
    sentence = "";
    if (names.length) saySoon();
  } else {
    tell(names.length === 1 ? `${names[0]} was updated` : `${names.length} profiles were updated`);
    changedNames.clear();
  }
}

function tell(words) {
  const region = document.getElementById("announcements");
  if (region) region.textContent = words;
}

// ---- pause, and the state of the connection

export const isPaused = () => document.getElementById("navigation")?.dataset.paused === "1";

function showState() {
  const box = document.getElementById("connection");
  if (!box) return;
  if (!isPaused() && waiting.size) showWaiting();
  const word = state === "live" && isPaused() ? "paused" : state;
  box.dataset.state = word;
  for (const part of box.querySelectorAll("[data-when]")) part.hidden = !part.dataset.when.split(" ").includes(word);
  for (const part of box.querySelectorAll("[data-waiting]")) {
    part.hidden = !waiting.size;
    part.textContent = `${waiting.size} ${waiting.size === 1 ? "update" : "updates"} waiting · show`;
  }
  const pause = box.querySelector('input[name="paused"]');
  if (pause) pause.value = isPaused() ? "0" : "1";
  for (const part of box.querySelectorAll("[data-if-paused]")) part.hidden = part.dataset.ifPaused !== (isPaused() ? "1" : "0");
}

function showWaiting() {
  const held = [...waiting];
  waiting.clear();
  for (const [subject, data] of held) refresh(subject, data);
}

// A short gap is not worth a word.
function hearState(heard) {
  if (heard !== word) document.dispatchEvent(new CustomEvent("duet:state", { detail: heard })); // at once, for those who send what waits
  word = heard;
  if (["connecting", "live", "ended"].includes(word) || !["connecting", "live"].includes(state)) applyState();
  else stateTimer ||= setTimeout(applyState, SAY_AFTER);
}

function applyState() {
  clearTimeout(stateTimer);
  stateTimer = 0;
  const isNews = state !== word;
  state = word;
  if (word === "live") {
    tries.clear();
    askDelay = ASK_FIRST;
  }
  if (word === "ended" && isNews) endSession();
  pageChanged();
}

// ---- when the session is over, and after logging in again on this page

// Whoever handles duet:ended must bear to hear it more than once.
function endSession() {
  document.dispatchEvent(new CustomEvent("duet:ended"));
}

// The page is not left: what is typed in it stays, and one may log in again beside it.
document.addEventListener("htmx:before:response", (event) => {
  const { status, headers } = event.detail.ctx.response;
  if (!meta || status !== 401 || headers.get("HX-Redirect")) return; // a followed link leads to the log-in page
  event.preventDefault();
  endSession();
  link?.retry();
});

/** Go on with another login session of the same account: its id and CSRF token. */
export function renew({ session, csrf }) {
  meta.content = session;
  meta.dataset.csrf = csrf;
  for (const field of document.querySelectorAll('input[name="csrf_token"]')) field.value = csrf;
  link?.close();
  tries.clear();
  hearState("connecting");
  link = connect();
  lastShown = ""; // told to the old one at last
  pageChanged();
}

// ---- a new version of Duet: said once, and never forced on anybody

function hearVersion(heard) {
  if (!heard || heard === (newVersion || meta.dataset.version)) return;
  newVersion = heard === meta.dataset.version ? "" : heard;
  const bar = document.getElementById("version");
  if (bar) bar.hidden = !newVersion;
  if (newVersion) say("A new version of Duet is ready.");
}

/** Whether the page's scripts and styles are of an older version than the server's. */
export const isOutdated = () => Boolean(newVersion);

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-live-retry]")) link?.retry();
  if (event.target.closest("[data-waiting]")) {
    showWaiting();
    showState();
  }
  if (event.target.closest("[data-reload]")) location.reload();
});

// ---- the connection: shared by all tabs where the browser can, else this tab's own while it is visible

function connect() {
  return "SharedWorker" in window ? shareConnection() : ownConnection();
}

function shareConnection() {
  const worker = new SharedWorker(meta.dataset.worker, { type: "module", name: `duet-${meta.content}` });
  const port = worker.port;
  const session = meta.content;
  const say = (message) => port.postMessage({ session, csrf: meta.dataset.csrf, hidden: document.hidden, ...message });
  const bye = () => say({ say: "bye" });
  let heardAt = performance.now();
  port.onmessage = ({ data }) => {
    heardAt = performance.now();
    if (data.notice) hear(...data.notice);
    if (data.version) hearVersion(data.version);
    if (data.state) hearState(data.state);
    if (data.ping && !isPutAside) say({ say: "show", shown: shown() });
  };
  port.start();
  const close = () => {
    clearInterval(looking);
    removeEventListener("pagehide", bye);
    port.onmessage = null;
    bye();
    port.close();
  };
  const replace = (how) => {
    close();
    link = how();
    link.show(shown());
  };
  worker.addEventListener("error", () => replace(ownConnection), { once: true });
  addEventListener("pagehide", bye);
  const looking = setInterval(() => {
    if (performance.now() - heardAt > WORKER_SILENT) replace(shareConnection); // it pings each minute: the browser has ended it
  }, WORKER_SILENT / 4);
  return { close, show: (now) => say({ say: "show", shown: now }), retry: () => say({ say: "retry" }) };
}

function ownConnection() {
  const connection = new Connection({ session: meta.content, notice: hear, state: hearState, version: hearVersion });
  const show = (now) => document.hidden || connection.show(now, meta.dataset.csrf, false);
  const turn = () => (document.hidden ? connection.close() : show(shown()));
  document.addEventListener("visibilitychange", turn);
  const close = () => {
    document.removeEventListener("visibilitychange", turn);
    connection.end();
  };
  return { close, show, retry: () => document.hidden || connection.retry() };
}

// A page that is left has said goodbye. Another word, and the answer to it, would have the browser forget it instead of keeping it for Back.
addEventListener("pagehide", () => {
  isPutAside = true;
});

// A page that comes back from the browser's memory may be hours old, or another member's.
addEventListener("pageshow", (event) => {
  isPutAside = false;
  if (!event.persisted) return;
  const session = document.cookie.match(/(?:^|; )duet_session=(\d+)/)?.[1];
  if (session !== meta?.content) {
    location.reload();
    return;
  }
  lastShown = "";
  tellWhatIsShown();
  link?.retry();
});

// A tab that was away for a while asks at once; so does one that was thawed, or whose browser thinks that the network is back. All are only hints.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    hiddenAt = performance.now();
    if (!isPutAside) tellWhatIsShown(); // others see that nobody looks
    return;
  }
  pageChanged();
  if (performance.now() - hiddenAt > ASK_AFTER_AWAY) link?.retry();
});
document.addEventListener("resume", () => {
  lastShown = "";
  tellWhatIsShown(); // the worker may have given this tab up
  link?.retry();
});
addEventListener("online", () => link?.retry());

if (meta) {
  link = connect();
  pageChanged();
}
