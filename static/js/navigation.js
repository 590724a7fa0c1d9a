// After a link was followed without a full load, focus and the reader's place are where a full load would put them.

import { isOutdated } from "./live.js";

document.addEventListener("htmx:after:history:push", () => {
  requestAnimationFrame(() => document.getElementById("main")?.focus({ preventScroll: true }));
});

// "Show more" gives way to the cards it brought: who pressed it by keyboard goes on at the first of them.

let before = null;

document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  const leaving = ctx.target instanceof Element && ctx.target.id === "deck-next" && ctx.target.contains(document.activeElement);
  before = leaving ? ctx.target.previousElementSibling : null;
});

document.addEventListener("htmx:after:swap", () => {
  before?.nextElementSibling?.querySelector("a")?.focus();
  before = null;
});

// An address carries only what was filled in, so that it can be read and shared.
document.addEventListener("formdata", ({ target, formData }) => {
  if (target.method !== "get") return;
  for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
});

// A page that a form is leaving follows no redirect of what it still fetches in the background: that would overtake the form.
let isLeaving = false;
addEventListener("submit", (event) => {
  isLeaving ||= !event.defaultPrevented;
});
addEventListener("pageshow", () => {
  isLeaving = false;
});
document.addEventListener("htmx:before:response", (event) => {
  if (isLeaving) event.preventDefault();
});

// The server has a newer version: whoever goes on gets a whole page, with the scripts and styles that belong to it.
document.addEventListener("htmx:before:request", (event) => {
  const { request, sourceElement: source } = event.detail.ctx;
  if (!isOutdated() || request.method !== "GET" || request.headers["HX-Request-Type"] !== "full" || !source.matches("a[href], form")) return;
  event.preventDefault();
  location.assign(request.action + (source.hash ?? ""));
});
