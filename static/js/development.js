// For designers, only in development: a saved template or style shows at once, and what is typed in the page stays.

document.body.addEventListener("dev", async ({ detail }) => {
  const text = await (await fetch(location.href, { cache: "no-store" })).text();
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const old = [...document.querySelectorAll('link[rel="stylesheet"]')];
  fresh.querySelectorAll('link[rel="stylesheet"]').forEach((sheet, at) => {
    if (old[at]?.getAttribute("href") !== sheet.getAttribute("href")) old[at]?.setAttribute("href", sheet.getAttribute("href"));
  });
  document.querySelector('[data-live^="dev@"]').dataset.live = `dev@${detail.v}`;
  htmx.swap({ text: fresh.body.innerHTML, target: document.body, swap: "innerMorph", sourceElement: document.body });
});
