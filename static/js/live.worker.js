// One stream per browser: all tabs of a login session share this worker, and each hears what it shows, in the background too.

import { Connection } from "./connection.js";

const PING_EVERY = 60_000;
const tabs = new Map(); // port → { shown, csrf, hidden, answered }
const newest = new Map(); // subject → last notice, for tabs that open while another is still behind
let connection = null;
let version = ""; // of the server's assets, as last heard

self.onconnect = ({ ports: [port] }) => {
  tabs.set(port, { shown: {}, csrf: "", hidden: true, answered: true });
  port.onmessage = ({ data }) => hear(port, data);
  port.start();
};

function hear(port, message) {
  const tab = tabs.get(port) ?? { shown: {}, csrf: "", hidden: true };
  tab.answered = true;
  tabs.set(port, tab);
  if (message.say === "show") {
    Object.assign(tab, { shown: message.shown, csrf: message.csrf, hidden: message.hidden });
    connection ??= new Connection({ session: message.session, notice: hand, state: (state) => tellAll({ state }), version: hearVersion });
    port.postMessage({ state: connection.word, version });
    const all = union();
    for (const subject of newest.keys()) if (!(subject in all)) newest.delete(subject);
    for (const [subject, version] of Object.entries(tab.shown)) {
      const notice = newest.get(subject);
      if (notice && (notice.gone || notice.v > version)) port.postMessage({ notice: [subject, notice] });
    }
    connection.show(all, message.csrf, allAreHidden());
  } else if (message.say === "bye") {
    tabs.delete(port);
    showRest();
  } else if (message.say === "retry") {
    connection?.retry();
  }
}

// A tab that shows an older version makes the whole browser count as showing it: it hears what it missed.
function union() {
  const all = {};
  for (const { shown } of tabs.values()) {
    for (const [subject, version] of Object.entries(shown)) all[subject] = Math.min(version, all[subject] ?? version);
  }
  return all;
}

function allAreHidden() {
  return [...tabs.values()].every((tab) => tab.hidden);
}

function showRest() {
  if (tabs.size) connection?.show(union(), [...tabs.values()].at(-1).csrf, allAreHidden());
}

function hand(subject, data) {
  const before = newest.get(subject);
  if (!(before?.v > data.v)) newest.set(subject, data);
  for (const [port, { shown }] of tabs) if (subject in shown) port.postMessage({ notice: [subject, data] });
}

function hearVersion(heard) {
  if (!heard || heard === version) return;
  version = heard;
  tellAll({ version });
}

function tellAll(message) {
  for (const port of tabs.keys()) port.postMessage(message);
}

// A tab that crashed or was frozen says no goodbye. It counts again as soon as it says what it shows.
setInterval(() => {
  const before = tabs.size;
  for (const [port, tab] of tabs) {
    if (!tab.answered) tabs.delete(port);
    tab.answered = false;
    port.postMessage({ ping: true });
  }
  if (tabs.size < before) showRest(); // or it would be in front for ever
}, PING_EVERY);
