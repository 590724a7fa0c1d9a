// Shows what waits on this device: how much of it in the header, each thing in a list, and an answer to a request at its place.
//
// An answer that did not get through is kept like everything else (static/js/outbox.js); where its buttons were stands that it is saved and will
// be sent, and "Undo" while that is still true. Logging out asks what shall become of what was not sent, and leaves nothing of it behind.

import { account, drop, everything, isFinal, isOld, keep, operation, release, send, sendAnyway, shown, waiting, wipe } from "./outbox.js";
import { toast } from "./toasts.js";

const SAY_AFTER = 1_500; // what goes within a moment is not worth a word
const LEAVE_WITHIN = 5_000;
const KEPT = "Your answer is saved on this device and will be sent.";
const asking = new WeakMap(); // htmx's context of a request → the operation it sends
let timer = 0;
let isLeaving = false;

const changes = (number) => `${number} ${number === 1 ? "change" : "changes"}`;
const isStuck = (one) => Boolean(one.rejected) || isOld(one);

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

function button(words, className, press) {
  const made = element("button", `button button--small ${className}`, words);
  made.type = "button";
  made.addEventListener("click", press);
  return made;
}

// ---- in the header

async function show() {
  timer = 0;
  const all = await shown();
  showAnswers(all);
  showList(all);
  const box = document.getElementById("outbox");
  if (!box) return;
  const stuck = all.filter(isStuck).length;
  const words = stuck ? `${changes(all.length)} on this device, ${stuck} not taken` : `${changes(all.length)} on this device`;
  if (all.length && !box.firstElementChild) {
    const open = element("button", "outbox__open");
    open.type = "button";
    open.addEventListener("click", list);
    box.replaceChildren(open);
  }
  if (all.length && box.textContent !== words) box.firstElementChild.textContent = words; // the same button: somebody may be at it
  box.hidden = !all.length;
  if (!all.length) box.replaceChildren();
}

function showSoon() {
  timer ||= setTimeout(show, SAY_AFTER);
}

// ---- the list

async function list() {
  const dialog = element("dialog", "unsent");
  dialog.id = "unsent";
  dialog.setAttribute("aria-labelledby", "unsent-title");
  const title = element("h2", "unsent__title", "On this device");
  title.id = "unsent-title";
  const close = button("Close", "", () => dialog.close());
  dialog.append(title, element("p", "muted", "This is not sent yet. It goes by itself, in this order, when Duet can be reached."), element("ul", "unsent__list"), element("div", "cluster", button("Send now", "button--primary", send), close));
  dialog.addEventListener("close", () => {
    dialog.remove();
    (document.querySelector("#outbox button") ?? document.getElementById("main"))?.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  showList(await shown());
}

function showList(all) {
  const dialog = document.getElementById("unsent");
  if (!dialog) return;
  if (!all.length) {
    dialog.close();
    return;
  }
  const now = element("ul", "unsent__list", ...all.map(item));
  const there = dialog.querySelector(".unsent__list");
  if (there.isEqualNode(now)) return; // nobody's focus is taken for nothing
  const hadFocus = there.contains(document.activeElement);
  there.replaceChildren(...now.children);
  if (hadFocus) (there.querySelector("button") ?? dialog.querySelector(".button--primary")).focus();
}

function item(one) {
  const what = one.kind === "profile" ? `${one.words}: ${one.labels.join(", ")}` : one.words;
  const made = element("li", "unsent__item", element("p", "unsent__what", what));
  made.dataset.operation = one.id;
  if (one.quote) made.append(element("p", "unsent__quote", one.quote));
  made.append(element("p", "muted", `${age(one.made)}${why(one)}`));
  if (isStuck(one)) made.append(element("div", "cluster", button("Send now", "", () => sendAnyway(one.id)), button("Delete", "button--quiet", () => drop(one.id))));
  return made;
}

function why(one) {
  if (one.rejected && one.kind === "profile") return " · Not taken: open your profile to see why";
  if (one.rejected) return ` · Not taken: ${one.rejected.words ?? "Duet could not do it."}`;
  return isOld(one) ? " · Too old to be sent by itself" : "";
}

function age(made) {
  const minutes = Math.max(0, Math.round((Date.now() - made) / 60_000));
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  if (minutes < 1) return "just now";
  if (minutes < 60) return words.format(-minutes, "minute");
  return minutes < 36 * 60 ? words.format(-Math.round(minutes / 60), "hour") : words.format(-Math.round(minutes / 1_440), "day");
}

// ---- answers to requests

const isAnswer = (form) => form instanceof Element && form.matches("form[data-answer]");
const requestOf = (path) => path.split("/")[2];

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const form = ctx.sourceElement;
  if (!isAnswer(form)) return;
  const path = form.getAttribute("hx-post");
  const made = operation("answer", { path, fields: {}, words: form.dataset.answer, done: form.dataset.say });
  asking.set(ctx, made);
  ctx.request.body.set("operation", made.id);
  ctx.request.body.set("account", made.account);
});

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  const made = asking.get(ctx);
  if (!made) return;
  made.tried = true;
  ctx.isKept = true; // toasts.js leaves the words to this file
  asking.set(ctx, { id: made.id, kept: keep(made) });
});

document.addEventListener("htmx:finally:request", async ({ detail: { ctx } }) => {
  const made = asking.get(ctx);
  if (!made?.kept) return;
  if (ctx.response && isFinal(ctx.response.status)) {
    drop(made.id);
  } else if (await made.kept) {
    const hadFocus = ctx.sourceElement.contains(document.activeElement);
    await release(made.id);
    await show();
    if (hadFocus) document.querySelector(`[data-operation="${made.id}"] button`)?.focus();
  } else {
    toast("Duet could not be reached. Nothing was changed; please try again in a moment.", "error");
  }
});

// Wherever the request is shown, and again after each swap: its buttons give way to what became of the answer.
function showAnswers(all) {
  const answers = all.filter((one) => one.kind === "answer");
  for (const note of document.querySelectorAll(".answer-kept")) if (!answers.some((one) => note.dataset.operation === one.id)) note.remove();
  for (const form of document.querySelectorAll("form[data-answer]")) {
    const one = answers.find(({ path }) => requestOf(path) === requestOf(form.getAttribute("hx-post")));
    form.hidden = Boolean(one && !one.rejected);
    const there = form.parentElement.querySelector(".answer-kept");
    if (one && !there) form.before(note(one));
    else if (one && Boolean(one.rejected) !== there.matches(".answer-kept--refused")) there.replaceWith(note(one));
  }
}

function note(one) {
  const words = one.rejected ? `Your answer could not be given: ${one.rejected.words ?? "Duet could not do it."}` : KEPT;
  const undo = button(one.rejected ? "All right" : "Undo", "button--quiet", async () => {
    await drop(one.id);
    show();
  });
  const made = element("p", `answer-kept${one.rejected ? " answer-kept--refused" : ""}`, element("span", "", words), undo);
  made.dataset.operation = one.id;
  made.setAttribute("role", "status");
  return made;
}

// Sent later, it changes the page as it would have at once.
document.addEventListener("duet:sent", ({ detail: { operation: one, status, answer } }) => {
  if (one.kind !== "answer") return;
  if (status < 300) toast(answer.words, "success");
  const forms = [...document.querySelectorAll("form[data-answer]")].filter((form) => requestOf(form.getAttribute("hx-post")) === requestOf(one.path));
  const shown = forms.flatMap((form) => form.closest("[data-live]")?.dataset.live.split(" ") ?? []);
  for (const word of new Set(shown)) document.body.dispatchEvent(new CustomEvent(word.split("@")[0], { detail: {} }));
});

// ---- logging out

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-logout]") || "leaving" in form.dataset || !account()) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  logOut(form);
}, true);

async function logOut(form) {
  if (isLeaving) return;
  isLeaving = true;
  const saved = await saveTyped();
  const left = await everything();
  if (left.length || !saved) ask(form, left);
  else await goOut(form, (words) => toast(words, "error"));
  isLeaving = false;
}

/** What is typed is saved first, while it still can be: whether it was. */
function saveTyped() {
  const saves = [];
  document.dispatchEvent(new CustomEvent("duet:leave", { detail: saves }));
  const all = Promise.all(saves).then((done) => done.every((one) => one !== false));
  return Promise.race([all, new Promise((resolve) => setTimeout(resolve, LEAVE_WITHIN, false))]);
}

// Without Duet nobody is logged out: nothing is taken away, and the page stays.
async function goOut(form, say) {
  const answer = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(LEAVE_WITHIN) }).catch(() => null);
  if (!answer?.ok) {
    say("Duet cannot be reached just now, so you are still logged in. Nothing was deleted.");
    return;
  }
  const wiped = [wipe()];
  document.dispatchEvent(new CustomEvent("duet:leaving", { detail: wiped })); // whoever keeps something else of this account takes it away, too
  await Promise.race([Promise.allSettled(wiped), new Promise((resolve) => setTimeout(resolve, 3_000))]);
  form.dataset.leaving = "";
  form.requestSubmit();
}

function ask(form, left) {
  document.getElementById("leaving")?.remove();
  const dialog = element("dialog", "unsent");
  dialog.id = "leaving";
  dialog.setAttribute("aria-labelledby", "leaving-title");
  const title = element("h2", "unsent__title", left.length ? `${changes(left.length)} not sent yet` : "Some of what you typed is not saved");
  title.id = "leaving-title";
  const words = element("p", "", "Logging out deletes what this device keeps for you.");
  words.setAttribute("role", "status");
  const tell = (now) => (words.textContent = now);
  const first = button("Send first", "button--primary", async () => {
    tell("Sending…");
    const why = await whyNotSent();
    if (!dialog.isConnected) return;
    if (why) tell(why);
    else goOut(form, tell);
  });
  const out = button("Delete and log out", "button--danger", () => goOut(form, tell));
  dialog.append(title, words, element("div", "cluster", first, out, button("Stay", "", () => dialog.close())));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** Send all of it: "", or why some of it is still here. */
async function whyNotSent() {
  const saved = await saveTyped();
  await send();
  const [still, loose] = [await everything(), await waiting()];
  if (still.some((one) => one.rejected)) return "Not all of it was taken. Stay to see what was not.";
  if (loose.length || !saved) return "Duet cannot be reached just now, so it is not sent yet.";
  return still.length ? "Some of it is still being typed or sent, perhaps in another tab. Look there first." : "";
}

// ---- when

addEventListener("pageshow", showSoon);
document.addEventListener("duet:outbox", showSoon);
document.addEventListener("htmx:after:swap", showSoon);
showSoon();
