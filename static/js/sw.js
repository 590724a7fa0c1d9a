// Keeps Duet readable without a network: the files of this version, and the pages that the member of this browser saw last.
//
// Only whole pages that somebody goes to, and those files, come through here. Fragments, forms and the stream never do.
// Pages are kept for one account at a time. An answer that names another account, or none, wipes them before anybody sees it;
// in doubt about who is logged in, nothing is kept. The server writes VERSION and FILES before this file, see `site.worker`.

/* global VERSION, FILES */

const SHELL = `duet-shell-${VERSION}`;
const PAGES = "duet-pages";
const OWNER = "duet-owner"; // whose the pages are: {account, change}, where change counts how often that changed
const MOST = 50;
const PATIENCE = 8_000; // so long a page that could be read at once waits for the network
const AWAY = [502, 503, 504]; // a proxy whose server is away, or a server without its database: what one saw last is of more use than an error, and comes right by itself
const NEVER_HERE = /^\/(live|metrics|healthz|readyz|sw\.js)(\/|$)/;
const NEVER_KEPT = /^\/(login|register|offline|patterns|reports)(\/|$)/;

addEventListener("install", (event) => {
  skipWaiting(); // an open page of the version before gets its files from the server, as it would without us
  event.waitUntil(fillShell());
  // A browser that knows routes asks nobody for what is not ours, and wakes nobody up for it: a fragment is as quick as ever.
  event.addRoutes?.([
    { condition: { urlPattern: `/static/${VERSION}/*` }, source: { cacheName: SHELL } },
    { condition: { or: [{ requestMode: "navigate" }, { urlPattern: "/static/*" }] }, source: "fetch-event" },
    { condition: { urlPattern: "/*" }, source: "network" },
  ])?.catch(() => {}); // without them it is slower, not wrong
});

addEventListener("activate", (event) => {
  event.waitUntil(Promise.all([
    registration.navigationPreload?.enable(),
    caches.keys().then((names) => Promise.all(names.filter((name) => name.startsWith("duet-shell-") && name !== SHELL).map((name) => caches.delete(name)))),
  ]));
});

addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin || NEVER_HERE.test(pathname)) return;
  if (event.request.mode === "navigate") event.respondWith(page(event));
  else if (pathname.startsWith("/static/")) event.respondWith(file(event.request, pathname));
});

addEventListener("message", (event) => {
  const { wipe, shown, renewed, fetched, list } = event.data;
  if (wipe) event.waitUntil(alone(async () => (await owner()).account === wipe && handOver(null)));
  if (shown) event.waitUntil(judged(event, () => fetch(shown, { cache: "force-cache" }), { change: 0 }).catch(() => {})); // the browser has it still; of the first member ever, or of the one who is here
  if (renewed) event.waitUntil(judged(event, () => fetch(renewed)).catch(() => {}));
  if (fetched) event.waitUntil(judgeFetched(fetched).catch(() => {}));
  if (list) event.waitUntil(readable().then((pages) => event.ports[0].postMessage(pages)));
});

// ---- the shell: every file of this version, and the page that says that there is no other

async function fillShell() {
  const shell = await caches.open(SHELL);
  const files = await Promise.all(FILES.map((address) => fetch(address)));
  // During a deploy another worker may answer, with the files it has.
  if (!files.every((answer) => answer.ok && answer.headers.get("Cache-Control").includes("immutable"))) throw new Error(`${VERSION} is not all there yet`);
  const offline = await fetch("/offline", { credentials: "omit" }); // as nobody sees it, for it is shown to whoever is here
  if (!offline.ok) throw new Error("There is no page for offline");
  await Promise.all([...files.map((answer, number) => shell.put(FILES[number], answer)), shell.put("/offline", offline)]);
}

async function file(request, pathname) {
  const kept = await caches.match(pathname, { cacheName: SHELL });
  if (kept) return kept;
  try {
    return await fetch(request);
  } catch (error) {
    // A kept page from before a deploy: as the server does, give it the file of today.
    const ours = await caches.match(pathname.replace(/^\/static\/[^/]+/, `/static/${VERSION}`), { cacheName: SHELL });
    if (ours) return ours;
    throw error;
  }
}

async function offlinePage() {
  const kept = await caches.match("/offline", { cacheName: SHELL });
  return kept ? new Response(await kept.text(), { status: 503, headers: kept.headers }) : Response.error();
}

// ---- a page: from the server, else as it was seen last

async function page(event) {
  const asked = judged(event, async () => (await event.preloadResponse) ?? fetch(event.request));
  event.waitUntil(asked.catch(() => {}));
  const answer = await Promise.race([asked, new Promise((done) => setTimeout(done, PATIENCE))]).catch(() => null);
  if (answer && !AWAY.includes(answer.status)) return answer;
  const copy = await copyOf(event.request.url.split("#")[0]).catch(() => null);
  return copy ?? asked.catch(offlinePage);
}

/** The answer, once what it says about who is here has been heeded; it is kept meanwhile. */
async function judged(event, ask, known = null) {
  const before = known ?? (await owner().catch(() => ({}))); // a device that keeps nothing must not come between
  const answer = await ask();
  const isPage = answer.type === "basic" && answer.status < 500 && answer.headers.get("Content-Type")?.startsWith("text/html");
  if (isPage && (await isOfOwner(answer.headers.get("Duet-Account"), before).catch(() => false)) && answer.status === 200) {
    const copy = answer.clone();
    event.waitUntil(copy.text().then((text) => keep(copy.url, text, copy.headers)).catch(() => {})); // no room on the device, say
  }
  return answer;
}

/** Whether the page of an answer may be kept; whose pages are kept follows what the answer says. */
function isOfOwner(account, before) {
  return alone(async () => {
    const now = await owner();
    if (now.account !== account) {
      // Somebody came or left while this answer was on its way: which of both is true now, nobody can tell.
      const isInDoubt = now.change !== before.change;
      await handOver(isInDoubt ? null : account);
      if (isInDoubt) return false;
    }
    return account !== null;
  });
}

// What htmx fetched as a whole page; pages of a browser that was not asked about anybody yet are nobody's.
async function judgeFetched({ address, text, headers }) {
  const answer = new Headers(headers);
  const now = await owner();
  if (now.account === answer.get("Duet-Account")) await keep(address, text, answer);
  else if (now.account) await alone(() => handOver(null));
}

async function keep(address, text, headers) {
  const account = headers.get("Duet-Account");
  const session = /<meta name="live" content="(\d+)"/.exec(text)?.[1]; // a page has it, a fragment does not
  if (!account || !session || headers.get("Cache-Control")?.includes("no-store") || NEVER_KEPT.test(new URL(address).pathname)) return;
  const kept = new Headers(headers);
  for (const name of ["Vary", "Content-Encoding", "Content-Length"]) kept.delete(name);
  kept.set("Duet-Session", session);
  kept.set("Duet-Seen", new Date().toISOString());
  await alone(async () => {
    if ((await owner()).account !== account) return; // since then somebody else came
    const pages = await caches.open(PAGES);
    await pages.delete(address); // to stand at the end: the first are the oldest
    await pages.put(address, new Response(text, { headers: kept }));
    const addresses = await pages.keys();
    await Promise.all(addresses.slice(0, -MOST).map((old) => pages.delete(old)));
  });
}

async function copyOf(address) {
  const copy = await caches.match(address, { cacheName: PAGES });
  if (!copy || !(await isReadable(copy))) return null;
  const seen = `<head>\n<meta name="seen" content="${copy.headers.get("Duet-Seen")}">`;
  return new Response((await copy.text()).replace("<head>", () => seen), { headers: copy.headers });
}

/** Only for the account it was made for, in the login it was made in: the cookie that says which one is on goes with the browser's window, unless one is remembered. */
async function isReadable(copy) {
  const { account } = await owner();
  if (!account || copy.headers.get("Duet-Account") !== account) return false;
  return !self.cookieStore || (await cookieStore.get("duet_session"))?.value === copy.headers.get("Duet-Session");
}

/** What there is to read, newest first: its address, its title as it stands in the markup, and when it was seen. */
async function readable() {
  const pages = await caches.open(PAGES);
  const found = await Promise.all((await pages.keys()).map(async ({ url }) => {
    const copy = await pages.match(url);
    if (!copy || !(await isReadable(copy))) return null;
    const title = /<title>(.*?)<\/title>/s.exec(await copy.text())?.[1] ?? "";
    return { address: url, title, seen: copy.headers.get("Duet-Seen") };
  }));
  return found.filter(Boolean).reverse();
}

// ---- whose the kept pages are

/** One after the other, with those of a worker of another version too. */
function alone(work) {
  return navigator.locks.request(PAGES, work);
}

async function owner() {
  const kept = await caches.match("/owner", { cacheName: OWNER });
  return kept ? kept.json() : { account: null, change: 0 };
}

async function handOver(account) {
  const { change } = await owner();
  await caches.delete(PAGES);
  await (await caches.open(OWNER)).put("/owner", Response.json({ account, change: change + 1 }));
}
