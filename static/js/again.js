// Logs a person in again over the page they are on, when the session ended under it: nothing they typed is lost.
//
// A dialog with the log-in form opens when the server answers 401, or the connection says that it is over; not while somebody types, and not
// again by itself once it was put away: then "Log in" stands at the connection's state. With the same account the page goes on where it was, and a
// form whose sending was held back is sent. Another tab that logs in does the same for this one, which sees it by the cookie that names the session.

import * as live from "./live.js";
import { toast } from "./toasts.js";

const LOOK_EVERY = 1_000;
const TYPES_FOR = 1_500;
const ASK_WITHIN = 10_000;
const LEAVE_AFTER = 2_000;
const NOT_REACHED = "Duet could not be reached. Please try again in a moment.";
const NOT_SENT = "Not sent: Duet could not be reached. What you typed is still here; please try again in a moment.";
const OUT_OF_REACH = ["offline", "trouble", "reconnecting"];
const FRAGMENT = { "HX-Request": "true", "HX-Request-Type": "partial" };

const meta = document.querySelector('meta[name="live"]');
let state = "";
let isOver = false;
let isPutAway = false;
let isAsking = false;
let held = null; // the form whose sending waits, and what it was sent by
let typedAt = -TYPES_FOR;
let lookTimer = 0;
let waitTimer = 0;
let seen = ""; // the session that the browser's cookie named when we last asked

const hint = () => document.cookie.match(/(?:^|; )duet_session=(\d+)/)?.[1] ?? "";
const box = () => document.getElementById("again");

// ---- that it is over

document.addEventListener("duet:state", ({ detail }) => {
  state = detail;
  if (detail === "ended") end();
});
document.addEventListener("duet:ended", ({ detail }) => end(detail?.asked));

// Heard before those who keep the answer from the page.
document.addEventListener("htmx:before:response", ({ detail: { ctx } }) => {
  const { status, headers } = ctx.response;
  const isEnd = status === 401 && !headers.get("HX-Redirect");
  if (!meta || !(isEnd || (status === 400 && headers.get("Duet-Session")))) return;
  const asked = !ctx.sourceElement?.matches?.("[data-live]");
  document.dispatchEvent(new CustomEvent("duet:ended", { detail: { asked } }));
});

function end(asked = false) {
  if (!meta) return;
  isOver = true;
  lookTimer ||= setInterval(look, LOOK_EVERY);
  if (asked) isPutAway = false;
  if (!isPutAway && !box()?.open) ask();
}

// Another tab may have logged in; what this one shows goes on with it.
function look() {
  if (isOver && hint() && hint() !== seen && hint() !== meta.content) ask();
}
document.addEventListener("visibilitychange", look);

// ---- asking the server: who is logged in now, or the form

async function ask() {
  if (isAsking) return;
  isAsking = true;
  seen = hint();
  try {
    const answer = await call("/login/again");
    if (answer.whoIsHere) goOn(answer.whoIsHere);
    else if (answer.form && !box()?.open) openWith(answer.form);
    else if (!answer.form && held) toast(answer.words, "error");
  } catch {
    if (held) toast(NOT_SENT, "error");
    held = null;
  } finally {
    isAsking = false;
  }
}

async function call(path, more = {}) {
  const response = await fetch(path, { cache: "no-store", headers: FRAGMENT, signal: AbortSignal.timeout(ASK_WITHIN), ...more });
  if (response.ok && response.headers.get("Content-Type")?.startsWith("application/json")) return { whoIsHere: await response.json() };
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const words = page.querySelector("[data-error]")?.textContent.trim() ?? NOT_REACHED;
  return { status: response.status, form: page.getElementById("again-form"), words };
}

// ---- the dialog

// Who is in the middle of a word would write the rest of it into the password.
function openWith(form) {
  clearTimeout(waitTimer);
  const types = typedAt + TYPES_FOR - performance.now();
  if (types > 0 && !held) {
    waitTimer = setTimeout(() => isOver && openWith(form), types);
    return;
  }
  const ours = document.importNode(form, true);
  ours.elements.email.value = meta.dataset.email; // known to the page: it need not stand in an address, and in a log
  show("You were logged out", "Log in again to go on; what you typed is still here.", ours);
  focusOn(ours);
}

addEventListener("keydown", ({ target }) => {
  if (target.matches?.("input, textarea, select") && !box()?.contains(target)) typedAt = performance.now();
}, true);

function show(title, words, content) {
  const dialog = box() ?? made("dialog", { id: "again", className: "again" });
  dialog.setAttribute("aria-labelledby", "again-title");
  dialog.setAttribute("aria-describedby", "again-words");
  dialog.replaceChildren(
    made("h2", { id: "again-title", className: "again__title", textContent: title }),
    made("p", { id: "again-words", textContent: words }),
    ...(content ? [content] : []),
  );
  if (!dialog.isConnected) {
    dialog.addEventListener("close", putAway);
    document.body.append(dialog);
  }
  if (!dialog.open) dialog.showModal();
}

function made(name, given) {
  return Object.assign(document.createElement(name), given);
}

function focusOn(form) {
  const empty = [...form.querySelectorAll("input:not([type=hidden], [type=checkbox])")].find((input) => !input.value);
  (form.querySelector("[aria-invalid]") ?? empty ?? form.querySelector("input:not([type=hidden])")).focus();
}

function putAway() {
  if (!isOver) return;
  isPutAway = true;
  held = null;
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-again-later]")) box().close();
  if (!event.target.closest("[data-again]")) return;
  event.preventDefault();
  isPutAway = false;
  isOver = true;
  ask();
});

// ---- logging in

// Heard before those who guard what is typed on the page: this form does not leave it.
addEventListener("submit", (event) => {
  if (event.target.id !== "again-form") return;
  event.preventDefault();
  event.stopImmediatePropagation();
  logIn(event.target);
}, true);

async function logIn(form) {
  const button = form.querySelector("button");
  if (button.disabled) return;
  button.disabled = true;
  try {
    const first = await call("/login/again?token=1");
    const answer = first.form ? await send(form, first.form.elements.csrf_token.value) : first;
    if (answer.whoIsHere) goOn(answer.whoIsHere, answer !== first);
    else if (answer.form) putIn(answer.form, form);
    else complain(form, answer.words);
  } catch {
    complain(form, NOT_REACHED);
  } finally {
    button.disabled = false;
  }
}

function send(form, token) {
  const body = new URLSearchParams(new FormData(form));
  body.set("csrf_token", token);
  return call(form.action, { method: "POST", body });
}

function putIn(answered, form) {
  const fresh = document.importNode(answered, true);
  form.replaceWith(fresh);
  focusOn(fresh);
}

function complain(form, words) {
  form.querySelector(".flash")?.remove();
  const line = made("p", { className: "flash flash--error", textContent: words });
  line.setAttribute("role", "alert");
  form.prepend(line);
}

// ---- and on

function goOn({ session, csrf, account, home }, here = false) {
  if (String(account) !== meta.dataset.account) {
    leave(home, here);
    return;
  }
  const { form, submitter } = held ?? {};
  held = null;
  isOver = isPutAway = false;
  clearInterval(lookTimer);
  clearTimeout(waitTimer);
  lookTimer = 0;
  const wasAsked = box()?.open;
  box()?.close();
  box()?.remove();
  const before = meta.content;
  live.renew({ session: String(session), csrf });
  document.dispatchEvent(new CustomEvent("duet:renewed", { detail: { before, session: String(session) } }));
  document.querySelector("form[data-editor] [data-retry]")?.click(); // what could not be saved
  if (form?.isConnected) form.requestSubmit(submitter?.isConnected ? submitter : null);
  else if (wasAsked) toast("You are logged in again. Go on where you were.");
}

// Somebody else's page: nothing of it goes out in another's name.
function leave(home, here) {
  held = null;
  if (here) {
    show("You are logged in as somebody else", "This page is of another account, and nothing of it was sent. You come to your own start page now.");
    setTimeout(() => location.assign(home), LEAVE_AFTER);
    return;
  }
  const on = made("a", { href: home, className: "button button--primary", textContent: "To their start page" });
  show("Somebody else is logged in", "In another tab, somebody logged in to another account. What is typed here was not sent.", on);
}

// ---- forms: none is sent as a page into the log-in page, or into nothing

addEventListener("submit", (event) => {
  const form = event.target;
  const { submitter } = event;
  const isWrite = (submitter?.getAttribute("formmethod") ?? form.getAttribute("method") ?? "").toLowerCase() === "post";
  if (!meta || !isWrite || form.action.endsWith("/logout")) return;
  const isPage = form.getAttribute("hx-boost") === "false" && !form.matches("[hx-post], [hx-patch], [hx-put], [hx-delete]") && !submitter?.hasAttribute("hx-post");
  if (!isOver && !(isPage && OUT_OF_REACH.includes(state))) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  held = { form, submitter };
  isPutAway = false;
  if (isOver) ask();
  else sendIfReached();
}, true);

async function sendIfReached() {
  const { form, submitter } = held;
  try {
    const answer = await call("/login/again");
    if (answer.form) {
      end(true);
    } else if (String(answer.whoIsHere?.session) === meta.content) {
      state = ""; // reached: what the stream says of itself comes later
      held = null;
      form.requestSubmit(submitter);
    } else if (answer.whoIsHere) {
      goOn(answer.whoIsHere);
    } else {
      held = null;
      toast(answer.words, "error");
    }
  } catch {
    held = null;
    toast(NOT_SENT, "error");
  }
}
