// Says in words when a request made in the background failed: errors are not swapped into the page, they are told beside it.

const HOLD_FOR = 8_000;

/** Show a sentence; errors stay until dismissed, others leave after a while unless held by pointer or focus. */
export function toast(text, kind = "note") {
  const box = document.getElementById("toasts");
  const item = document.createElement("div");
  item.className = `toast toast--${kind}`;
  item.setAttribute("role", kind === "error" ? "alert" : "status");
  const words = document.createElement("p");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "toast__close";
  close.setAttribute("aria-label", "Dismiss");
  close.textContent = "×";
  close.addEventListener("click", () => item.remove());
  item.append(words, close);
  box.append(item);
  if (kind === "error") return;
  const leave = () => (item.matches(":hover, :focus-within") ? setTimeout(leave, HOLD_FOR) : item.remove());
  setTimeout(leave, HOLD_FOR);
}

// What was live and is gone may have been asked for twice, by two notices: that the second finds nothing is no news.
const wereLive = new WeakSet();
const isForItself = (element) => wereLive.has(element) || element?.matches("[data-live]") || element?.hasAttribute("data-own-errors");

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement?.matches("[data-live]")) wereLive.add(ctx.sourceElement);
});

document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  if (isForItself(ctx.sourceElement) || ctx.response.status === 422 || ctx.response.status === 409) return;
  const said = new DOMParser().parseFromString(ctx.text, "text/html").querySelector("[data-error]");
  toast(said?.textContent.trim() || "That did not work. Nothing was changed; please try again.", "error");
});

document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  if (!ctx || isForItself(ctx.sourceElement)) return;
  toast("Duet could not be reached. Nothing was changed; please try again in a moment.", "error");
});
