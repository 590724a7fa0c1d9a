// The open deck says when a visit now would show other cards, and moves nothing under anybody.
//
// What is new waits behind a pill (templates/matches/_news.html). Whoever activates it gets the deck as it is now, and goes on at the first
// card that is new. By itself the deck is shown anew only while nobody can be reading it or about to press something in it:
//   - the page stands at its very top;
//   - for three seconds nobody moved the pointer, pressed a key, scrolled or touched;
//   - the pointer does not rest on the deck, focus is not in it, none of its text is selected;
//   - nothing in it waits for its person: no ticked "Compare", no "Undo", no open details;
//   - live updates are not paused.
// A hidden tab follows the same rules: who left it at the top finds it up to date, and everyone else where they were. Nothing slides or
// fades on the way. New cards carry a mark for a moment, and screen readers hear "2 new matches" once.

import { isPaused, MARK_FOR, say } from "./live.js";

const QUIET_FOR = 3_000;
const HIDDEN = ".match-card--hidden";
const DOINGS = ["pointermove", "pointerdown", "pointerout", "keydown", "wheel", "touchstart", "scroll", "focusin", "focusout", "input"];

let lastDoing = performance.now(); // by a clock that nobody sets
let timer = 0;
let said = 0; // how many new matches were announced

const news = () => document.getElementById("deck-news");
const pill = () => news()?.querySelector("a");
const cards = () => [...document.querySelectorAll("#deck > [id^='match-']")];

// ---- when nobody is disturbed

for (const name of DOINGS) addEventListener(name, did, { capture: true, passive: true });

function did() {
  lastDoing = performance.now();
  if (!timer && pill()) wait();
}

function wait() {
  clearTimeout(timer);
  timer = setTimeout(showIfQuiet, Math.max(0, lastDoing + QUIET_FOR - performance.now()));
}

// Blocked by something else than time, it waits for the next thing that the person does.
function showIfQuiet() {
  timer = 0;
  if (!pill()) return;
  if (performance.now() - lastDoing < QUIET_FOR) wait();
  else if (isQuiet()) htmx.ajax("GET", pill().getAttribute("hx-get"), { source: news(), target: "#matches", swap: "outerMorph" });
}

function isQuiet() {
  const deck = document.getElementById("matches");
  const selection = getSelection();
  return scrollY < 1
    && performance.now() - lastDoing >= QUIET_FOR
    && !(matchMedia("(hover: hover)").matches && deck.matches(":hover"))
    && !deck.contains(document.activeElement)
    && (selection.isCollapsed || !selection.containsNode(deck, true))
    && !deck.querySelector(`input:checked, details[open], ${HIDDEN}`)
    && !isPaused();
}

// ---- asking: the cards on the page are what news is measured by; one's own hidden ones are no news

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.target?.id !== "deck-news") return;
  const shown = cards().filter((card) => !card.matches(HIDDEN));
  ctx.request.body.set("shown", shown.map((card) => card.id.slice("match-".length)).join("-"));
});

// ---- around a swap

const befores = new WeakMap(); // htmx's context of a request → what was there before its swap

document.addEventListener("htmx:before:swap", (event) => {
  const { ctx } = event.detail;
  const isAsked = Boolean(ctx.sourceElement?.closest?.(".pill"));
  if (ctx.target?.id === "deck-news") {
    befores.set(ctx, { pill: pill() });
  } else if (ctx.target?.id === "matches") {
    befores.set(ctx, { cards: new Set(cards().map((card) => card.id)), isAsked });
    if (!isAsked && !isQuiet()) event.preventDefault(); // somebody came back while it was under way: the pill stays
  }
});

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const before = befores.get(ctx);
  if (before?.cards) welcome(cards().filter((card) => !before.cards.has(card.id)), before.isAsked);
  if (before?.pill && !pill() && document.activeElement === document.body) document.getElementById("matches-count").focus({ preventScroll: true });
  announce();
  if (pill()) wait();
});

function welcome(newcomers, isAsked) {
  for (const card of newcomers) {
    card.dataset.updated = "new";
    setTimeout(() => delete card.dataset.updated, MARK_FOR);
  }
  if (isAsked) (newcomers[0]?.querySelector("h2 a") ?? document.getElementById("matches-count")).focus();
}

function announce() {
  const count = Number(news()?.dataset.new ?? 0);
  if (count > said) say(`${count} new ${count === 1 ? "match" : "matches"}`);
  said = count;
}
