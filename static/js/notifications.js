// Says what waits: its number in the title of every tab, and, while all tabs are in the background, a notification of the browser's own.
//
// The number comes with the navigation, which is live. Tabs that are in front hold a lock; a tab in the background that hears of something
// new looks whether any does. Which tab tells it does not matter: notifications of one tag replace each other.

const IN_FRONT = "duet-in-front";
const TELLING = "duet-telling";
const TELL_AFTER = 1_000; // who reads it on another device within a moment is not told
const MOST_SHOWN = 99;
const NUMBERED = /^\(\d+\+?\) /;

const meta = document.querySelector('meta[name="live"]');
const toldKey = `duet-told-${meta?.content}`;
const canTell = "Notification" in window && isSecureContext && "locks" in navigator;
let shownTitle = "";
let plainTitle = "";
let tellTimer = 0;
let letGo = null;

// ---- the title

function showNumber() {
  const number = Number(document.getElementById("navigation")?.dataset.unread ?? 0);
  if (document.title !== shownTitle) plainTitle = document.title.replace(NUMBERED, ""); // a page out of the history has the number of then
  shownTitle = number > 0 ? `(${number > MOST_SHOWN ? `${MOST_SHOWN}+` : number}) ${plainTitle}` : plainTitle;
  if (document.title !== shownTitle) document.title = shownTitle;
}

new MutationObserver(showNumber).observe(document.head, { childList: true, subtree: true, characterData: true });
document.addEventListener("htmx:after:swap", showNumber);
document.addEventListener("htmx:finally:request", showNumber);
showNumber();

// ---- following a link out of the list reads what it is about

document.addEventListener("click", followed, true);
document.addEventListener("auxclick", followed, true);

function followed({ target, button }) {
  const link = target.closest("a[data-reads]");
  if (link && button < 2) read(link.dataset.reads);
}

function read(url) {
  if (meta) fetch(url, { method: "POST", headers: { "X-CSRFToken": meta.dataset.csrf }, keepalive: true, redirect: "manual" }).catch(() => {});
}

// ---- the browser's own notifications

function release() {
  letGo?.();
  letGo = null;
}

// A page that holds a lock cannot be kept for Back: it is held only where there is something to hold back.
function holdWhileInFront() {
  if (document.hidden || Notification.permission !== "granted") {
    release();
  } else if (!letGo) {
    navigator.locks.request(IN_FRONT, { mode: "shared" }, () => new Promise((resolve) => {
      letGo = resolve;
    }));
  }
}

async function isSomeTabInFront() {
  const { held } = await navigator.locks.query();
  return held.some(({ name }) => name === IN_FRONT);
}

async function tell() {
  if (await isSomeTabInFront()) return;
  const answer = await fetch("/notifications/latest", { headers: { Accept: "application/json" }, cache: "no-store" });
  if (!answer.ok) return;
  const before = Number(localStorage.getItem(toldKey) ?? 0);
  const news = (await answer.json()).filter(({ at }) => at > before);
  if (news.length) localStorage.setItem(toldKey, Math.max(...news.map(({ at }) => at)));
  for (const { tag, words, url, read: readUrl } of news) show(tag, words, url, readUrl);
}

function show(tag, words, url, readUrl) {
  const shown = new Notification("Duet", { body: words, tag, renotify: true });
  shown.addEventListener("click", () => {
    read(readUrl);
    shown.close();
    focus();
    location.assign(url);
  });
}

function askWhetherThereIsNews() {
  if (!document.hidden || Notification.permission !== "granted") return;
  clearTimeout(tellTimer);
  tellTimer = setTimeout(() => {
    navigator.locks.request(TELLING, { ifAvailable: true }, (lock) => lock && tell().catch(() => {}));
  }, TELL_AFTER);
}

if (meta && canTell) {
  holdWhileInFront();
  document.addEventListener("visibilitychange", holdWhileInFront);
  addEventListener("pagehide", release);
  addEventListener("pageshow", holdWhileInFront);
  document.addEventListener("duet:notice", ({ detail: { subject } }) => {
    if (subject === "me") askWhetherThereIsNews();
  });
}

// ---- asking for them, on the page of settings and only when told to

function showPermission() {
  const word = canTell ? Notification.permission : "unsupported";
  for (const part of document.querySelectorAll("[data-browser-notifications] [data-permission]")) part.hidden = part.dataset.permission !== word;
}

document.addEventListener("click", async ({ target }) => {
  if (!target.closest("[data-ask-permission]")) return;
  await Notification.requestPermission();
  showPermission();
  holdWhileInFront();
});
document.addEventListener("htmx:after:swap", showPermission);
showPermission();
