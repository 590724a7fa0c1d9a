// After a link was followed without a full load, focus and the reader's place are where a full load would put them.

document.addEventListener("htmx:after:history:push", () => {
  requestAnimationFrame(() => document.getElementById("main")?.focus({ preventScroll: true }));
});
