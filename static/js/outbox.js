// Keeps what was done here until Duet has it: fields that were edited, answers to requests, messages.
//
// Each is an operation with an id of its own. It is put into this device's database when its first request starts, and taken out when an answer
// says what became of it; what got no answer is sent again, in order, by whichever page is open. Under its id it has its effect once, however
// often it is sent. Only the operations of the page's account are seen or sent here. What a page is still at (typing, or waiting for the answer)
// is left to that page until it is gone. It believes what requests do, never navigator.onLine.

const SEND_WITHIN = 20_000;
const AGAIN_FIRST = 1_000;
const AGAIN_AT_MOST = 60_000;
const DAY = 86_400_000;
const SENT_FOR = 30 * DAY; // what is older goes only when its person says so
const KEPT_FOR = 90 * DAY; // as long as the server knows what it has done
const LEFT_ALONE = 60_000; // where pages cannot be asked whether they are still there

const meta = () => document.querySelector('meta[name="live"]');
export const account = () => meta()?.dataset.account;
const channel = "BroadcastChannel" in window ? new BroadcastChannel("duet-outbox") : null;
const page = fresh();
const mine = new Set(); // ids of what this page is at
let letGo = null;
let isGone = false;
let opened = null;
let sending = null;
let timer = 0;
let failures = 0;
let refused = ""; // the token that was: nothing goes before there is another
let doubted = ""; // the login session in which it was: refused there again, it is not for want of a login

/** A random id, as the server takes it. */
export function fresh() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether an answer of this status says what became of the operation; else it is sent again. */
export const isFinal = (status) => status >= 200 && status < 500 && ![400, 401, 408, 425, 429].includes(status);
export const isOld = (operation) => Math.abs(Date.now() - operation.made) > SENT_FOR;

// ---- the database: each change is one transaction, and they come one after the other

function database() {
  opened ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open("duet", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("operations", { keyPath: "order", autoIncrement: true }).createIndex("id", "id", { unique: true });
    asked.onsuccess = () => {
      asked.result.onclose = () => (opened = null);
      resolve(asked.result);
    };
    asked.onerror = () => reject(asked.error);
  });
  return opened;
}

async function inStore(mode, work) {
  const transaction = (await database()).transaction("operations", mode);
  let result;
  work(transaction.objectStore("operations"), (value) => (result = value));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

const read = () => inStore("readonly", (store, done) => (store.getAll().onsuccess = ({ target }) => done(target.result)));

/** Look at all of the account's operations and change some, in one go: ``change(operations, put, remove)``. */
function change(decide) {
  return inStore("readwrite", (store, done) => {
    store.getAll().onsuccess = ({ target }) => {
      const own = target.result.filter((operation) => operation.account === account());
      done(decide(own, (operation) => store.put(operation), (operation) => store.delete(operation.order)));
    };
  });
}

// ---- putting in and taking out

/** What is to be kept; ``keep`` keeps it. */
export function operation(kind, fields) {
  return { id: fresh(), account: account(), kind, made: Date.now(), tried: false, rejected: null, ...fields };
}

/** Keep it as it is now; false where this device keeps nothing (a private window, no room left). The page is at it until it lets it go. */
export async function keep(operation) {
  hold(operation.id);
  try {
    await inStore("readwrite", (store) => {
      const put = (order) => {
        const now = { ...operation, page: isGone ? null : page, touched: Date.now(), order };
        if (!order) delete now.order;
        store.put(now).onsuccess = ({ target }) => (operation.order = target.result);
      };
      if (!isGone) {
        store.index("id").getKey(operation.id).onsuccess = ({ target }) => put(target.result);
        return;
      }
      put(operation.order);
      store.transaction.commit?.(); // a page that is going hears no answer it could go on after
    });
    return true;
  } catch {
    return false; // whoever asked says so
  }
}

/** An answer came, or its person took it back: it is no longer needed. */
export async function drop(id) {
  drops(id);
  await change((own, _put, remove) => own.filter((operation) => operation.id === id).forEach(remove)).catch(() => {});
  changed();
}

/** No answer came: from now on any page may send it. */
export async function release(id) {
  drops(id);
  await change((own, put) => own.filter((operation) => operation.id === id).forEach((operation) => put({ ...operation, page: null }))).catch(() => {});
  changed();
  again();
}

/** It was not taken, and waits for its person again; ``more`` says why. Of an edit only the named fields are left. */
export function reject(id, more, names) {
  drops(id);
  return change((own, put, remove) => {
    const operation = own.find((one) => one.id === id);
    if (operation) rejected(operation, more, names, put, remove);
  }).catch(() => {}).then(changed);
}

function rejected(operation, more, names, put, remove) {
  const values = names ? Object.fromEntries(Object.entries(operation.values).filter(([name]) => names.includes(name))) : operation.values;
  if (names && !names.length) remove(operation);
  else put({ ...operation, values, page: null, rejected: more });
}

/** The account's operations in order; of those that a page is still at, none. */
export async function waiting(kind) {
  try {
    const [all, pages] = await Promise.all([read(), openPages()]);
    return all.filter((operation) => operation.account === account() && (!kind || operation.kind === kind) && isLoose(operation, pages));
  } catch {
    return []; // a device that keeps nothing has nothing waiting
  }
}

/** Those, and what stands behind them in a page that is still open. */
export async function shown() {
  const loose = await waiting();
  const behind = (await everything()).filter((operation) => operation.waits);
  return [...loose, ...behind.filter(({ id }) => !loose.some((one) => one.id === id))];
}

/** All that is the account's, also what pages are still at. */
export async function everything() {
  return (await read().catch(() => [])).filter((operation) => operation.account === account());
}

/** Take away all that is the account's. */
export async function wipe() {
  await change((own, _put, remove) => own.forEach(remove)).catch(() => {});
  changed();
}

/** Send one that had been given up: its person wants it. */
export async function sendAnyway(id) {
  await change((own, put) => own.filter((operation) => operation.id === id).forEach((operation) => put({ ...operation, made: Date.now(), rejected: null }))).catch(() => {});
  return send();
}

// ---- which pages are still there: each that is at something holds a lock of its own, and lets go before it is put aside for Back

function hold(id) {
  if (isGone) return;
  mine.add(id);
  if (letGo || !navigator.locks) return;
  letGo = () => {};
  navigator.locks.request(`duet-${page}`, () => mine.size && new Promise((resolve) => { letGo = resolve; }));
}

function drops(id) {
  mine.delete(id);
  if (!mine.size) leave();
}

function leave() {
  letGo?.();
  letGo = null;
}

async function openPages() {
  if (!navigator.locks) return null;
  const { held, pending } = await navigator.locks.query();
  return new Set([...held, ...pending].map((lock) => lock.name));
}

function isLoose(operation, pages) {
  if (!operation.page) return true;
  if (operation.page === page) return !mine.has(operation.id);
  return pages ? !pages.has(`duet-${operation.page}`) : Math.abs(Date.now() - operation.touched) > LEFT_ALONE;
}

addEventListener("pagehide", () => {
  isGone = true;
  mine.clear();
  leave();
});
addEventListener("pageshow", () => (isGone = false));

// ---- sending: one page at a time where the browser can say so; elsewhere twice is harmless

/** Send what waits. Answers when no more goes for now. */
export function send() {
  clearTimeout(timer);
  sending ??= (navigator.locks ? navigator.locks.request("duet-outbox", { ifAvailable: true }, (lock) => lock && sendAll()) : sendAll())
    .catch(() => {})
    .then(async () => {
      sending = null;
      if (maySend() && (await waiting()).some(isToBeSent)) again();
    });
  return sending;
}

const maySend = () => Boolean(account()) && refused !== meta().dataset.csrf;
const isToBeSent = (operation) => !operation.rejected && !isOld(operation);
const chain = ({ kind, path }) => (kind === "profile" ? kind : path);

function again() {
  clearTimeout(timer);
  timer = setTimeout(send, Math.min(AGAIN_AT_MOST, AGAIN_FIRST * 2 ** failures) * (0.5 + Math.random() / 2));
}

async function sendAll() {
  const stuck = new Set(); // where one could not be sent, those after it wait, and only those
  while (maySend()) {
    const next = (await waiting()).find((operation) => isToBeSent(operation) && !stuck.has(chain(operation)));
    if (!next) break;
    const status = await attempt(next);
    if (isFinal(status)) failures = 0;
    else {
      failures += 1;
      stuck.add(chain(next));
      if (![400, 429, 500].includes(status)) break;
    }
  }
}

/** The status of the answer, 0 if there was none. */
async function attempt(operation) {
  const isThere = await change((own, put) => {
    const now = own.find((one) => one.id === operation.id);
    if (now) put({ ...now, tried: true });
    return Boolean(now);
  });
  return isThere ? request(operation) : 200; // taken back this moment
}

/** Keep it and send it at once, as its page goes. Whether it has arrived, or is kept. */
export async function sendLast(operation) {
  const kept = keep(operation);
  const status = await request(operation, { keepalive: true });
  if (!isFinal(status)) await release(operation.id);
  return isFinal(status) ? status < 300 : kept;
}

async function request(operation, how = {}, isAgain = false) {
  const token = meta().dataset.csrf;
  try {
    const response = await fetch(operation.path, {
      method: operation.method ?? "POST",
      headers: { Accept: "application/json" },
      cache: "no-store",
      redirect: "manual",
      body: bodyOf(operation, token),
      signal: AbortSignal.timeout(SEND_WITHIN),
      ...how,
    });
    const text = await response.text();
    const type = response.headers.get("Content-Type") ?? "";
    const isJson = type.startsWith("application/json");
    const status = response.status === 403 && !isJson ? 401 : response.status; // not a word about the operation: it is somebody else who is logged in
    if (status < 300 && !isJson) return 0; // whoever said that, it was not Duet
    if (status === 400 && isAgain) return status; // the token is today's: it is no better for logging in again
    if (status === 400 && (await refreshToken())) return request(operation, how, true);
    if ([400, 401].includes(status) && doubted !== meta().content) {
      doubted = meta().content;
      refused = token;
      document.dispatchEvent(new CustomEvent("duet:ended"));
    }
    if (!isFinal(status)) return status;
    doubted = "";
    await settle(operation, status, isJson ? JSON.parse(text) : { words: type.startsWith("text/plain") ? text.trim() : undefined });
    return status;
  } catch {
    return 0; // no answer: it stays, and is sent again
  }
}

/** As the server takes it. */
export function bodyOf(operation, token = meta().dataset.csrf) {
  const body = new URLSearchParams({ csrf_token: token, operation: operation.id, account: operation.account });
  for (const [name, value] of Object.entries(operation.fields ?? {})) body.append(name, value);
  for (const [name, values] of Object.entries(operation.values ?? {})) {
    body.append(`base-${name}`, operation.bases[name]);
    if (operation.choices.includes(name)) body.append(name, "");
    for (const value of values) body.append(name, value);
  }
  if (operation.values) body.append("base", operation.base);
  return body;
}

async function settle(operation, status, answer) {
  drops(operation.id);
  const settleIt = operation.kind === "profile" ? settleEdit : settleOther;
  await change((own, put, remove) => settleIt(operation, status, answer, own, put, remove)).catch(() => {});
  tell({ operation, status, answer });
  changed();
}

function settleOther(operation, status, answer, own, put, remove) {
  const now = own.find((one) => one.id === operation.id);
  if (!now) return;
  if (status < 300) remove(now);
  else put({ ...now, page: null, rejected: { status, ...answer } });
}

// What was saved is what later edits of the same fields are based on; what was not saved and was typed anew since goes with those.
function settleEdit(operation, status, answer, own, put, remove) {
  const saved = answer.saved ?? [];
  const left = new Set(Object.keys(operation.values).filter((name) => !saved.includes(name)));
  for (const later of own) {
    const names = Object.keys(later.after ?? {}).filter((name) => later.after[name] === operation.id);
    if (!names.length) continue;
    for (const name of names) {
      if (saved.includes(name)) later.values[name] = rebased(later.values[name], operation.values[name], answer.values[name], name);
      later.bases[name] = saved.includes(name) ? answer.versions[name] : operation.bases[name];
      delete later.after[name];
      left.delete(name);
    }
    put(later);
  }
  const now = own.find((one) => one.id === operation.id);
  if (now) rejected(now, { status, ...answer }, [...left], put, remove);
}

/** What was chosen after ``sent`` went out, over what was made of it: added is added, taken away is taken away. A single text stays as it is. */
export function rebased(now, sent, saved, name) {
  if (name === "links") return [rebasedSet(lines(now), lines(sent), lines(saved)).join("\n")];
  return now.length === 1 && sent.length === 1 && saved.length === 1 ? now : rebasedSet(now, sent, saved);
}

const lines = (values) => (values[0] ?? "").split("\n").filter(Boolean);

function rebasedSet(now, sent, saved) {
  return [...saved.filter((one) => now.includes(one) || !sent.includes(one)), ...now.filter((one) => !sent.includes(one) && !saved.includes(one))];
}

/** Whoever logged in again in another tab has a new token. False where the page is not (or no longer) this account's. */
export async function refreshToken() {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
    const now = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector('meta[name="live"]')?.dataset;
    if (now?.account !== account() || now.csrf === meta().dataset.csrf) return false;
    meta().dataset.csrf = now.csrf;
    for (const field of document.querySelectorAll("input[name=csrf_token]")) field.value = now.csrf;
    return true;
  } catch {
    return false; // still no network
  }
}

// ---- telling this page and the others

function tell(detail) {
  document.dispatchEvent(new CustomEvent("duet:sent", { detail }));
  channel?.postMessage(detail);
}

function changed() {
  document.dispatchEvent(new CustomEvent("duet:outbox"));
  channel?.postMessage(null);
}

channel?.addEventListener("message", ({ data }) => {
  if (data && data.operation.account === account()) document.dispatchEvent(new CustomEvent("duet:sent", { detail: data }));
  document.dispatchEvent(new CustomEvent("duet:outbox"));
});

// Each of these is only a hint that it may work now.
document.addEventListener("duet:state", ({ detail }) => {
  if (!["live", "checking"].includes(detail)) return;
  failures = 0;
  refused = "";
  send();
});
document.addEventListener("duet:renewed", send);
addEventListener("online", send);
addEventListener("pageshow", send);
document.addEventListener("visibilitychange", () => document.hidden || send());

inStore("readwrite", (store) => {
  store.openCursor().onsuccess = ({ target: { result: cursor } }) => {
    if (!cursor) return;
    if (Math.abs(Date.now() - cursor.value.made) > KEPT_FOR) cursor.delete();
    cursor.continue();
  };
}).catch(() => {});
