// A conversation as one uses it: sending without leaving the page, drafts that stay, the place one reads at kept, who is typing, how far both have read.
//
// The log and the list are live elements like any other; this file does what only the browser can know:
//   - what is typed is sent by Enter (on touch by the button) and kept as a draft until then, for this account;
//   - what got no answer stands under the log and is sent later, in order (static/js/outbox.js); what was not taken comes back to where one writes;
//   - the log stays at its end if one was there, else at what one was reading, with a "New message" button;
//   - what is at the end of a visible tab is read; a browser that knows of unread messages has received them;
//   - typing is said at most every three seconds, and shown for six.

import { account, drop, isFinal, keep, operation, release, shown } from "./outbox.js";

const DRAFT = "duet-draft:";
const TYPING_EVERY = 3_000;
const TYPING_FOR = 6_000;
const NEAR = 60; // so near to its end counts as at its end
const RECEIVED_AFTER = 400;
const COUNT_FROM = 3_600;
const NOT_REACHED = "Not sent: Duet could not be reached. What you wrote is still here, please try again.";
const NOT_TAKEN = "Not sent: the server could not take it. What you wrote is still here, please try again.";

const meta = document.querySelector('meta[name="live"]');
const known = new WeakSet(); // what was set up already
const places = new WeakMap(); // htmx's context of a request → where one was reading before its swap
const underWay = new Map(); // composer → what it is sending; one may go to another conversation meanwhile
let unsent = []; // operations of this conversation that wait on this device
let typedAt = -TYPING_EVERY;
let typingTimer = 0;
let readSent = "";
let receivedTimer = 0;

const conversation = () => document.querySelector("[data-conversation]");
const log = () => document.getElementById("conversation-log");
const box = () => document.getElementById("conversation-scroll");
const form = () => document.querySelector("#composer [data-composer]");
const isComposer = (element) => element instanceof Element && element.matches("[data-composer]");
const isTouch = () => matchMedia("(pointer: coarse)").matches;

function post(path, fields) {
  return fetch(path, { method: "POST", headers: { "X-CSRFToken": meta.dataset.csrf }, body: new URLSearchParams(fields), keepalive: true });
}

// ---- drafts: they outlive the session, and go when somebody logs out or another logs in

const draftKey = () => `${DRAFT}${account()}:${conversation().dataset.conversation}`;

function forgetDrafts(isMine = () => false) {
  for (const key of Object.keys(localStorage)) if (key.startsWith(DRAFT) && !isMine(key)) localStorage.removeItem(key);
}

document.addEventListener("duet:leaving", () => forgetDrafts());

function keepDraft(composer) {
  if (composer.dataset.composer !== "new") return;
  if (composer.elements.text.value.trim()) localStorage.setItem(draftKey(), composer.elements.text.value);
  else localStorage.removeItem(draftKey());
}

// ---- coming to a page, or getting a new composer

function enter() {
  if (!meta || !conversation()) return;
  if (!known.has(conversation())) {
    known.add(conversation());
    readSent = "";
    unsent = [];
    if (!location.hash) toEnd();
    showUnsent();
  }
  const composer = form();
  if (composer && !known.has(composer)) {
    known.add(composer);
    const text = composer.elements.text;
    const draft = localStorage.getItem(draftKey());
    if (composer.dataset.composer === "new" && draft && !text.value) text.value = draft;
    if (composer.dataset.composer === "edit") text.setSelectionRange(text.value.length, text.value.length);
    for (const hint of composer.querySelectorAll("[data-keys]")) hint.hidden = isTouch();
    fit(text);
  }
  readSoon();
}

function fit(text) {
  if (!CSS.supports("field-sizing", "content")) {
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + 2}px`;
  }
  const count = text.form.querySelector("[data-count]");
  const most = Number(text.dataset.most);
  count.textContent = text.value.length > COUNT_FROM ? `${text.value.length.toLocaleString("en")} of ${most.toLocaleString("en")} characters` : "";
}

// ---- sending

document.addEventListener("keydown", (event) => {
  const text = event.target;
  if (text.id !== "composer-text" || event.isComposing) return;
  if (event.key === "Enter" && !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey && !isTouch()) {
    event.preventDefault();
    if (text.value.trim()) text.form.requestSubmit();
  } else if (event.key === "Escape") {
    text.form.querySelector("[data-composer-cancel]")?.click();
  }
});

document.addEventListener("input", ({ target }) => {
  if (target.id !== "composer-text") return;
  fit(target);
  keepDraft(target.form);
  sayTyping(target);
});

// One after the other: what is sent while another is under way goes when that one has arrived.
document.addEventListener("submit", (event) => {
  const isBehind = unsent.some((one) => !one.rejected) && event.target.dataset.composer === "new";
  const sending = underWay.get(event.target);
  if (!isComposer(event.target) || !(sending || isBehind)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (sending) sending.again = true;
  else if (event.target.elements.text.value.trim()) queue(event.target);
}, { capture: true });

// Who is at the end of a long log needs only its end; who reads further up keeps all of it.
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (!(ctx.sourceElement instanceof Element) || !log()) return;
  const isSending = ctx.sourceElement.matches("[data-composer], [data-with-from]");
  if (isSending && log().dataset.from) ctx.request.body.set("from", log().dataset.from);
  if (isNew(ctx.sourceElement)) {
    ctx.request.body.set("operation", ctx.sourceElement.elements.client_id.value);
    ctx.request.body.set("account", account());
  }
  if ((isSending || ctx.sourceElement === log()) && isAtEnd()) ctx.request.body.set("end", "1");
});

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (!isComposer(ctx.sourceElement)) return;
  const text = ctx.sourceElement.elements.text.value;
  underWay.set(ctx.sourceElement, { ctx, text, kept: isNew(ctx.sourceElement) ? keepMessage(ctx.sourceElement, text) : null });
  tell("");
});

document.addEventListener("htmx:finally:request", async ({ detail: { ctx } }) => {
  const composer = ctx.sourceElement;
  if (underWay.get(composer)?.ctx !== ctx) return;
  const { text, kept } = underWay.get(composer);
  const status = ctx.response?.status;
  const goes = isNew(composer) && (status === 200 || (!isAnswered(status) && (await kept)));
  if (kept && isAnswered(status)) drop((await kept).id);
  else if (await kept) await waitFor(await kept);
  else if (status !== 200 && ![403, 422, 429].includes(status)) tell(status ? NOT_TAKEN : NOT_REACHED);
  goOn(composer, goes, text);
});

function goOn(composer, goes, text) {
  const { again } = underWay.get(composer);
  underWay.delete(composer);
  if (!composer.isConnected) return;
  if (goes) wasSent(composer, text);
  else keepDraft(composer);
  if (goes && again && composer.elements.text.value.trim()) composer.requestSubmit();
}

// "Too quick" is said at once, and the text stays.
const isAnswered = (status) => isFinal(status) || status === 429;
const isNew = (element) => isComposer(element) && element.dataset.composer === "new";

// Only what was sent goes; what was typed meanwhile stays.
function wasSent(composer, sent) {
  const text = composer.elements.text;
  text.value = text.value.startsWith(sent) ? text.value.slice(sent.length).replace(/^\n+/, "") : text.value;
  composer.elements.client_id.value = fresh();
  typedAt = -TYPING_EVERY;
  keepDraft(composer);
  fit(text);
}

// ---- what got no answer: under the log, in the order in which it goes

/** The operation once it is kept, false where this device keeps nothing. */
async function keepMessage(composer, text) {
  const { client_id: id } = composer.elements;
  const made = operation("message", {
    id: id.value,
    path: composer.getAttribute("hx-post"),
    fields: { text, client_id: id.value },
    about: conversation().dataset.conversation,
    words: composer.querySelector("label").textContent,
    quote: text,
    tried: true,
  });
  const key = draftKey();
  if (!(await keep(made))) return false;
  if (localStorage.getItem(key) === text) localStorage.removeItem(key); // else a closed browser would bring it back beside what is sent
  return made;
}

async function queue(composer) {
  const text = composer.elements.text.value;
  underWay.set(composer, { text });
  const made = await keepMessage(composer, text);
  if (made) await waitFor(made);
  else tell(NOT_REACHED);
  goOn(composer, Boolean(made), text);
}

async function waitFor(made) {
  const isHere = () => made.about === conversation()?.dataset.conversation;
  if (isHere()) unsent.push(made);
  await release(made.id);
  await showUnsent();
  if (isHere()) toEnd();
}

async function showUnsent() {
  const { conversation: id } = conversation()?.dataset ?? {};
  const slot = document.getElementById("conversation-unsent");
  if (!slot) return;
  unsent = (await shown()).filter((one) => one.kind === "message" && one.about === id);
  const back = unsent.find((one) => one.rejected);
  if (back && isNew(form()) && !form().elements.text.value.trim()) return putBack(back);
  const keys = unsent.map((one) => `${one.id}${Boolean(one.rejected)}`).join(" ");
  if (slot.dataset.shows === keys) return;
  slot.dataset.shows = keys;
  slot.replaceChildren(...unsent.map(unsentMessage));
}

function unsentMessage(one) {
  const made = document.createElement("article");
  made.className = `message message--mine message--unsent message--${document.getElementById("conversation-unsent").dataset.role}`;
  const text = document.createElement("p");
  text.className = "message__text";
  text.textContent = one.quote;
  const facts = document.createElement("p");
  facts.className = "message__facts";
  facts.textContent = one.rejected ? `Not sent: ${one.rejected.words}` : "Saved on this device, will be sent";
  made.append(text, facts);
  if (one.rejected) made.append(press("Put back", () => putBack(one)), press("Delete", () => drop(one.id)));
  return made;
}

function press(words, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "button button--small button--quiet";
  made.textContent = words;
  made.addEventListener("click", act);
  return made;
}

// What was not taken is where it was written again, before whatever stands there now.
async function putBack(one) {
  const text = form()?.elements.text;
  if (!text || !isNew(form())) return;
  text.value = [one.quote, text.value].filter((part) => part.trim()).join("\n");
  keepDraft(form());
  fit(text);
  tell(`Not sent: ${one.rejected.words}`);
  await drop(one.id);
}

document.addEventListener("duet:outbox", showUnsent);

document.addEventListener("duet:sent", ({ detail: { operation: one } }) => {
  if (one.about && one.about === conversation()?.dataset.conversation) document.body.dispatchEvent(new CustomEvent(`conversation:${one.about}`, { detail: {} }));
});

function fresh() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function tell(words) {
  const slot = document.getElementById("composer-status");
  if (!slot) return;
  slot.replaceChildren();
  if (!words) return;
  const line = document.createElement("p");
  line.className = "field__error";
  line.textContent = words;
  slot.append(line);
}

// ---- where one reads

const scrolls = () => box() && getComputedStyle(box()).overflowY !== "visible";

function bottom() {
  return scrolls() ? box().getBoundingClientRect().bottom : innerHeight;
}

function isAtEnd() {
  return log() && log().getBoundingClientRect().bottom <= bottom() + NEAR;
}

function toEnd() {
  if (!log()) return;
  if (scrolls()) box().scrollTop = box().scrollHeight;
  else log().lastElementChild?.scrollIntoView({ block: "end", behavior: "instant" });
}

function place() {
  const top = scrolls() ? box().getBoundingClientRect().top : 0;
  const first = [...box().querySelectorAll(".message")].find((message) => message.getBoundingClientRect().bottom > top);
  return { isAtEnd: isAtEnd(), id: first?.id, top: first?.getBoundingClientRect().top, last: Number(log()?.dataset.last ?? 0) };
}

function backTo({ id, top }) {
  const moved = (document.getElementById(id)?.getBoundingClientRect().top ?? top) - top;
  if (moved) (scrolls() ? box() : document.scrollingElement).scrollBy({ top: moved, behavior: "instant" });
}

const newButton = () => document.getElementById("conversation-new");

document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  if (ctx.target instanceof Element && box()?.contains(ctx.target)) places.set(ctx, place());
});

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const before = places.get(ctx);
  if (before && box()) {
    const isNew = Number(log()?.dataset.last ?? 0) > before.last;
    const isMine = log()?.lastElementChild?.matches(".message--mine");
    if (isNew && !isMine) showTyping(false);
    if (before.isAtEnd || (isNew && isComposer(ctx.sourceElement))) toEnd();
    else {
      backTo(before);
      if (isNew && !isMine && newButton()) newButton().hidden = false;
    }
    if (ctx.sourceElement?.matches?.("[data-earlier]")) document.getElementById(before.id)?.closest(".log")?.parentElement?.querySelector("[data-earlier]")?.focus({ preventScroll: true });
  }
  enter();
  receiveSoon();
});

document.addEventListener("click", ({ target }) => {
  if (!target.closest?.("#conversation-new")) return;
  toEnd();
  document.getElementById("composer-text")?.focus({ preventScroll: true });
});

document.addEventListener("scroll", readSoon, { capture: true, passive: true });

// ---- read, and received

let readTimer = 0;

function readSoon() {
  readTimer ||= setTimeout(read, 100);
}

async function read() {
  readTimer = 0;
  if (!conversation() || !log() || !isAtEnd()) return;
  if (newButton()) newButton().hidden = true;
  const { conversation: id } = conversation().dataset;
  const number = log().dataset.last;
  const key = `${id}:${number}`;
  if (document.visibilityState !== "visible" || !Number(log().dataset.unread) || readSent === key) return;
  readSent = key;
  const answer = await post(`/messages/${id}/read`, { number }).catch(() => null);
  if (!answer?.ok && readSent === key) readSent = "";
}

// Every page's navigation says how many are unread, at a version; one tab of the browser answers for all.
function receiveSoon() {
  receivedTimer ||= setTimeout(receive, RECEIVED_AFTER);
}

function receive() {
  receivedTimer = 0;
  const navigation = document.getElementById("navigation");
  const key = `${meta?.content}:${navigation?.dataset.live}`;
  if (!meta || !Number(navigation?.dataset.unreadMessages) || localStorage.getItem("duet-received") === key) return;
  localStorage.setItem("duet-received", key);
  post("/messages/delivered", {}).catch(() => localStorage.removeItem("duet-received"));
}

document.addEventListener("visibilitychange", readSoon);
addEventListener("focus", readSoon);

// ---- typing

function sayTyping(text) {
  const { showsTyping, conversation: id } = conversation()?.dataset ?? {};
  if (!showsTyping || text.form.dataset.composer !== "new" || !text.value.trim() || performance.now() - typedAt < TYPING_EVERY) return;
  typedAt = performance.now();
  post(`/messages/${id}/typing`, {}).catch(() => {}); // whoever misses it misses nothing
}

document.addEventListener("duet:notice", ({ detail: { subject, data } }) => {
  if (subject === `typing:${conversation()?.dataset.conversation}` && !data.gone) showTyping(true);
});

function showTyping(isTyping) {
  const words = document.querySelector("#conversation-typing [data-typing]");
  clearTimeout(typingTimer);
  if (words) words.hidden = !isTyping;
  if (isTyping) typingTimer = setTimeout(showTyping, TYPING_FOR, false);
}

if (meta) forgetDrafts((key) => key.startsWith(`${DRAFT}${account()}:`));
enter();
receiveSoon();
