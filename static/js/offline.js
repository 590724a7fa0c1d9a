// Keeps what one saw readable without a network: brings the service worker (sw.js) in, and tells it which pages htmx fetched.
//
// A page that comes from its memory says how old it is until it has caught up. Where there is nothing to show, the page
// that says so lists what can be read, and goes on by itself once Duet answers again.

import { isRight, say } from "./live.js";

const LOOK_EVERY = 700;
const TELL_EVERY = 30_000;
const TRY_EVERY = 4_000;

const meta = document.querySelector('meta[name="live"]');
const isMade = document.querySelector('meta[name="development"]'); // a page somebody works on is always today's
const worker = isSecureContext ? navigator.serviceWorker : undefined;

const active = async () => (await worker?.getRegistration())?.active;

async function tell(message, ports = []) {
  (await active())?.postMessage(message, ports);
}

// ---- the worker comes once the page is there, and is told of that page: it did not see it come

if (meta && worker && !isMade && !document.querySelector('meta[name="seen"]')) {
  addEventListener("load", async () => {
    try {
      await worker.register(`/sw.js?v=${meta.dataset.version}`, { updateViaCache: "none" });
      await worker.ready;
      if (!worker.controller) tell({ shown: location.href.split("#")[0] });
    } catch {
      // a browser that keeps nothing: Duet is as it was, with a network
    }
  });
}

// ---- pages that htmx fetches

const isPage = ({ request }) => request.method === "GET" && request.headers["HX-Request-Type"] === "full";

document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  const { raw, status, headers } = ctx.response;
  if (meta && isPage(ctx) && status === 200 && headers.get("Duet-Account")) tell({ fetched: { address: raw.url.split("#")[0], text: ctx.text, headers: [...headers] } });
});

// A link leads on without a network too: the browser goes there itself, and the worker has the page or says what there is.
document.addEventListener("htmx:error", async ({ detail: { ctx } }) => {
  if (!ctx || ctx.response || !isPage(ctx) || !(await active())) return;
  if (ctx.request.headers["HX-History-Restore-Request"]) location.reload();
  else if (ctx.request.headers["HX-Boosted"]) location.assign(ctx.request.action);
});

// ---- who leaves takes their pages along; who logs in again on the page they are on brings it back

let hasEnded = false;

function wipe() {
  if (meta) tell({ wipe: meta.dataset.account });
}

document.addEventListener("duet:leaving", wipe);
document.addEventListener("duet:ended", () => {
  hasEnded = true;
  wipe();
});
addEventListener("submit", (event) => {
  if (!event.defaultPrevented && event.target.matches('[action="/logout"]')) wipe();
});
document.addEventListener("duet:state", ({ detail }) => {
  if (!hasEnded || detail !== "live") return;
  hasEnded = false;
  tell({ renewed: location.href.split("#")[0] });
});

// ---- a page from memory says so

let seen = document.querySelector('meta[name="seen"]');
let isReached = false;

function ago(moment) {
  const minutes = Math.floor((Date.now() - new Date(moment)) / 60_000);
  if (minutes < 1) return "a moment ago";
  const [number, unit] = minutes < 60 ? [minutes, "minute"] : minutes < 24 * 60 ? [Math.floor(minutes / 60), "hour"] : [Math.floor(minutes / 60 / 24), "day"];
  return `${number} ${unit}${number === 1 ? "" : "s"} ago`;
}

function time(moment) {
  const element = document.createElement("time");
  element.dateTime = moment;
  element.title = new Date(moment).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
  element.textContent = ago(moment);
  return element;
}

function showAge() {
  const bar = document.createElement("p");
  bar.className = "seen";
  bar.id = "seen";
  const age = time(seen.content);
  bar.append("You are reading this page as it was ", age, ". It comes up to date as soon as Duet can be reached.");
  document.getElementById("main").before(bar);
  say(bar.textContent);
  const telling = setInterval(() => {
    age.textContent = ago(seen.content);
  }, TELL_EVERY);
  const looking = setInterval(() => {
    if (bar.isConnected && !(isReached && isRight())) return;
    bar.remove();
    seen.remove();
    clearInterval(telling);
    clearInterval(looking);
  }, LOOK_EVERY);
}

document.addEventListener("duet:state", ({ detail }) => {
  isReached = detail === "live" || detail === "checking";
});

if (seen) showAge();

// ---- there is nothing else to read here

const list = document.getElementById("offline-pages");

function showReadable(pages) {
  const here = pages.filter(({ address }) => address !== location.href.split("#")[0]);
  for (const { address, title, seen: moment } of here) {
    const link = document.createElement("a");
    link.className = "offline__page";
    link.href = address;
    const words = new DOMParser().parseFromString(`<title>${title}</title>`, "text/html").title; // as text: it may hold what others typed
    link.textContent = words.replace(/^\(\d+\+?\) /, "").replace(/ · Duet$/, "") || new URL(address).pathname;
    const item = document.createElement("li");
    item.append(link, " ", time(moment));
    list.append(item);
  }
  document.getElementById("offline-readable").hidden = !here.length;
}

async function tryAgain() {
  const answer = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(TRY_EVERY) }).catch(() => null);
  if (!answer?.ok) return;
  if (location.pathname === "/offline") location.replace("/");
  else location.reload();
}

if (list) {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }) => {
    showReadable(data);
    port1.close();
  };
  tell({ list: true }, [port2]);
  setInterval(tryAgain, TRY_EVERY * (1 + Math.random()));
  addEventListener("online", tryAgain);
}
