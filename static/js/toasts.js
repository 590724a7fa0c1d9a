// Says in words when a request made in the background failed: errors are not swapped into the page, they are told beside it.
//
// What somebody pressed and was not done can be pressed again right there. A session that ended is again.js's; forms that say so
// (data-own-errors) tell their own errors, and live elements are asked again anyway.

import { isFinal } from "./outbox.js";

const HOLD_FOR = 8_000;
const NOT_REACHED = "Duet could not be reached. Nothing was changed; please try again in a moment.";
const FAILED = "That did not work. Nothing was changed; please try again.";

/** Show a sentence; errors stay until dismissed, others leave after a while unless held by pointer or focus. ``retry`` is what "Try again" does. */
export function toast(text, kind = "note", retry = null) {
  const box = document.getElementById("toasts");
  for (const said of box.querySelectorAll(".toast")) if (said.firstElementChild.textContent === text) said.remove(); // once is enough
  const item = document.createElement("div");
  item.className = `toast toast--${kind}`;
  item.setAttribute("role", kind === "error" ? "alert" : "status");
  const words = document.createElement("p");
  words.textContent = text;
  const close = button("toast__close", "×", () => item.remove());
  close.setAttribute("aria-label", "Dismiss");
  item.append(words);
  if (retry) {
    item.append(button("button button--small", "Try again", () => {
      item.remove();
      retry();
    }));
  }
  item.append(close);
  box.append(item);
  if (kind === "error") return;
  const leave = () => (item.matches(":hover, :focus-within") ? setTimeout(leave, HOLD_FOR) : item.remove());
  setTimeout(leave, HOLD_FOR);
}

function button(className, words, press) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = className;
  made.textContent = words;
  made.addEventListener("click", press);
  return made;
}

// What was live and is gone may have been asked for twice, by two notices: that the second finds nothing is no news.
const wereLive = new WeakSet();
const isForItself = (element) => wereLive.has(element) || element?.matches("[data-live]") || element?.hasAttribute("data-own-errors");

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement?.matches("[data-live]")) wereLive.add(ctx.sourceElement);
});

document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  const { status, headers } = ctx.response;
  if (isForItself(ctx.sourceElement) || [401, 409, 422].includes(status) || headers.get("Duet-Session") || headers.get("HX-Redirect")) return;
  if (ctx.isKept && !isFinal(status)) return; // it waits on this device (unsent.js)
  const said = new DOMParser().parseFromString(ctx.text, "text/html").querySelector("[data-error]");
  tell(ctx, said?.textContent.trim() || FAILED, status >= 500);
});

document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  if (ctx && !ctx.isKept && !isForItself(ctx.sourceElement)) tell(ctx, NOT_REACHED, true);
});

function tell(ctx, words, canRetry) {
  const element = ctx.sourceElement;
  const isWrite = ctx.request?.method !== "GET";
  const retry = () => element.isConnected && (element.matches("form") ? element.requestSubmit(submitterOf(ctx)) : element.click());
  toast(isWrite ? `Not done. ${words}` : words, "error", isWrite && canRetry && element ? retry : null);
}

function submitterOf(ctx) {
  const submitter = ctx.sourceEvent?.submitter;
  return submitter?.isConnected ? submitter : null;
}
