// Saves a profile field by field while it is edited, and never loses or overwrites what someone types.
//
// htmx sends the form (hx-patch); here it is cut down to the fields that differ from what is saved, each with the version it is based on.
// What was saved on another device is put into fields that nobody is typing in, and beside the others, with both values to choose from.
// What is typed is kept on this device (static/js/outbox.js) until an answer says what became of it: whatever happens to the network, the
// server or the browser, it is sent later, and what was not taken stands in its field again when the editor is next opened.
// The same file sends a picture that is dropped on its form.

import { bodyOf, drop, isOld, keep, operation, refreshToken, reject, release, send, sendLast, waiting } from "./outbox.js";

const editors = new WeakMap();
const FINE = [200, 409, 422];
const KEEP_AFTER = 300;
const KEPT = "Saved on this device, will be sent";

class Editor {
  constructor(form) {
    this.form = form;
    this.saved = new Map(); // field → its values as they are saved, as JSON
    this.bases = new Map(); // field → the version those are of
    this.sent = new Map(); // field → values under way
    this.open = new Set(); // fields in conflict, waiting for a choice
    this.failed = new Set(); // fields whose last save did not arrive, on a device that keeps nothing
    this.later = []; // changes made elsewhere, heard while the same field was under way
    this.draft = null; // the operation that keeps what is typed and was not sent yet
    this.under = null; // the one that htmx is sending
    this.queue = new Map(); // id → those that wait in the outbox, in order
    this.refused = new Map(); // field → the operation that could not save it, and with which value
    const unsaved = (form.dataset.unsaved ?? "").split(" ");
    for (const name of this.names()) {
      this.bases.set(name, Number(form.elements.base.value));
      this.saved.set(name, unsaved.includes(name) ? null : this.rendered(name));
    }
    this.fillIn();
  }

  names() {
    const apart = ["base", "was", "csrf_token", "conflict"];
    return [...new Set([...this.form.elements].map((control) => control.name))].filter((name) => name && !apart.includes(name) && !name.includes("-"));
  }

  controls(name) {
    return [...this.form.elements].filter((control) => control.name === name && control.type !== "hidden");
  }

  // What a field holds, as the server names it: the ticked choices in order, or one text.
  typed(name) {
    const controls = this.controls(name);
    return controls[0]?.type === "checkbox"
      ? controls.filter((control) => control.checked).map((control) => control.value).sort()
      : [controls[0].value];
  }

  now(name) {
    return JSON.stringify(this.typed(name).map((text) => text.replace(/\r\n?/g, "\n")));
  }

  // What it held when the page came, even where the browser has since put typed text back.
  rendered(name) {
    const controls = this.controls(name);
    if (controls[0]?.type === "checkbox") return JSON.stringify(controls.filter((control) => control.defaultChecked).map((control) => control.value).sort());
    if (controls[0] instanceof HTMLSelectElement) return JSON.stringify([[...controls[0].options].find((option) => option.defaultSelected)?.value ?? controls[0].options[0].value]);
    return JSON.stringify([controls[0].defaultValue]);
  }

  fill(name, values) {
    for (const control of this.controls(name)) {
      if (control.type === "checkbox") control.checked = values.includes(control.value);
      else control.value = values[0] ?? "";
    }
  }

  isDirty(name) {
    return this.now(name) !== this.saved.get(name);
  }

  // What a field holds, as a person reads it.
  words(name) {
    const [first, ...more] = this.controls(name);
    if (first instanceof HTMLSelectElement) return first.value ? first.selectedOptions[0].textContent : "nothing";
    if (first.type !== "checkbox") return first.value || "nothing";
    if (!more.length) return first.checked ? "yes" : "no";
    return [first, ...more].filter((box) => box.checked).map((box) => box.parentElement.textContent.trim()).join(", ") || "nothing";
  }

  hasFocus(name) {
    return this.controls(name).includes(document.activeElement);
  }

  dirty() {
    return this.names().filter((name) => this.isDirty(name) && !this.open.has(name));
  }

  // ---- keeping on this device

  // What is typed, as an operation: while it was not sent it is always the same one.
  edit(names) {
    this.draft ??= operation("profile", { path: this.form.getAttribute("hx-patch"), method: "PATCH", words: "Your profile" });
    const before = (name) => [...this.queue.values()].findLast((one) => name in one.values);
    return Object.assign(this.draft, {
      made: Date.now(),
      base: this.form.elements.base.value,
      labels: names.map((name) => document.querySelector(`#field-${name} :is(label, legend)`)?.textContent.trim() ?? name),
      choices: names.filter((name) => this.controls(name)[0].type === "checkbox"),
      values: Object.fromEntries(names.map((name) => [name, JSON.parse(this.now(name))])),
      bases: Object.fromEntries(names.map((name) => [name, this.bases.get(name)])),
      after: Object.fromEntries(names.filter(before).map((name) => [name, before(name).id])),
      waits: this.queue.size > 0,
    });
  }

  isKept(name) {
    const now = this.now(name);
    const waits = [...this.queue.values()].findLast((one) => name in one.values);
    return now === this.sent.get(name) || now === this.refused.get(name)?.value || (waits && now === JSON.stringify(waits.values[name]));
  }

  /** Keep what is typed and neither sent nor kept yet; false where this device cannot. */
  async keepTyped() {
    clearTimeout(this.keepTimer);
    const names = this.names().filter((name) => this.isDirty(name) && !this.isKept(name));
    if (names.length) return keep(this.edit(names));
    if (this.draft) drop(this.draft.id);
    this.draft = null;
    return true;
  }

  keepSoon() {
    clearTimeout(this.keepTimer);
    this.keepTimer = setTimeout(() => this.keepTyped(), KEEP_AFTER);
  }

  // What waits from an earlier page stands in its fields again, on the version that it was typed over.
  async fillIn() {
    for (const one of await waiting("profile")) {
      if (isOld(one) && !one.rejected) continue; // its person decides, in the list of what waits
      for (const [name, values] of Object.entries(one.values)) {
        if (!this.controls(name).length || (this.isDirty(name) && !this.isKept(name))) continue;
        this.fill(name, values);
        this.bases.set(name, one.bases[name]);
        this.say(name, KEPT, "kept");
        if (one.rejected) this.refused.set(name, { id: one.id, value: JSON.stringify(values), why: one.rejected });
      }
      if (!one.rejected) this.queue.set(one.id, one);
    }
    if (this.queue.size) send();
    else if (this.dirty().length) this.form.requestSubmit();
  }

  // The outbox had an answer to one that waited. What was not saved is asked for once more, so that the answer stands beside its field;
  // what the server does not take at all is not: that would go on and on.
  answered({ operation: one, status, answer }) {
    if (!this.queue.delete(one.id)) return;
    for (const [name, values] of Object.entries(one.values)) {
      if (!this.controls(name).length) continue;
      if (answer.saved?.includes(name)) {
        this.wasSaved(name, JSON.stringify(values), { version: answer.versions[name], values: JSON.stringify(answer.values[name]), merged: answer.merged?.includes(name) ? "" : undefined });
        this.forget(name);
        if (!this.isDirty(name)) this.say(name, "Saved", "saved");
      } else {
        this.refused.set(name, { id: one.id, value: JSON.stringify(values), why: { status } });
        if (!FINE.includes(status)) this.say(name, `Not saved: ${answer.words || "the server could not take it."}`, "failed").append(" ", button("Try again", { retry: "" }));
      }
    }
    this.hear([]);
    if (this.queue.size || !FINE.includes(status)) return;
    if (this.dirty().length) this.form.requestSubmit();
    else if (!this.open.size) this.tell("Everything is saved.");
  }

  // What an operation could not save no longer has to come back: it is saved now, or something else stands there.
  forget(name) {
    const old = this.refused.get(name);
    if (!old) return;
    this.refused.delete(name);
    reject(old.id, old.why, [...this.refused].filter(([, { id }]) => id === old.id).map(([left]) => left));
  }

  // ---- saving

  // The body is made at the last moment: while an earlier save was under way more may have been typed, and its answer brought new versions.
  beforeRequest(event) {
    const names = this.dirty();
    if (!names.length) {
      event.preventDefault();
      if (event.detail.ctx.sourceEvent?.type === "submit") this.tell(this.open.size ? "Choose between the two values first." : "Everything is saved.");
      return;
    }
    if (this.queue.size) { // what waits goes first
      event.preventDefault();
      this.keepBehind(names);
      return;
    }
    this.under = Object.assign(this.edit(names), { tried: true });
    this.draft = null;
    this.kept = keep(this.under);
    this.sent = new Map(names.map((name) => [name, this.now(name)]));
    this.keepTyped();
    event.detail.ctx.request.body = bodyOf(this.under);
    event.detail.ctx.isKept = true; // toasts.js leaves the words to the fields
    for (const name of names) this.say(name, "Saving…", "info");
    this.tell("Saving…");
  }

  // An answer that is not about fields: nothing of it belongs into the page, and the typed values stay.
  beforeResponse(event) {
    const { status, headers } = event.detail.ctx.response;
    if (FINE.includes(status) && headers.get("Profile-Version")) return;
    event.preventDefault();
    const ended = status === 401 || headers.get("HX-Redirect");
    this.notSaved(ended ? "you were logged out. Log in in another tab, then try again" : status === 400 || status === 403 ? "this page is too old" : status === 429 ? "too often just now" : "the server could not take it", ended);
  }

  async keepBehind(names) {
    const isKept = await this.keepTyped();
    for (const name of names) this.say(name, isKept ? KEPT : "Not saved yet: this device has no room to keep it. It is sent from this page.", "kept");
    this.tell(isKept ? `${KEPT}.` : "Not saved yet.");
    send();
  }

  afterSwap(status) {
    const { id } = this.under ?? {};
    const left = [];
    for (const [name, sent] of this.sent) {
      const slot = this.slot(name);
      if (!slot) return; // the page went meanwhile
      const answer = slot.querySelector("[data-saved]");
      this.forget(name);
      if (answer) this.wasSaved(name, sent, answer.dataset);
      else left.push(name);
      if (slot.querySelector("[data-conflict]")) this.open.add(name);
      if (!answer) this.refused.set(name, { id, value: sent, why: { status } });
      this.failed.delete(name);
      this.markInvalid(name);
    }
    if (id) reject(id, { status }, left);
    this.under = null;
    this.sent.clear();
    this.tell(this.open.size || this.form.querySelector(".field__error") ? "Some fields are not saved: see beside them." : "Everything is saved.");
  }

  wasSaved(name, sent, { version, values, merged }) {
    this.bases.set(name, Number(version));
    if (merged !== undefined) {
      this.join(name, JSON.parse(sent), JSON.parse(values));
      this.saved.set(name, values);
    } else if (this.now(name) !== sent) {
      this.saved.set(name, values); // more was typed meanwhile: that goes next
    } else {
      if (!this.hasFocus(name)) this.fill(name, JSON.parse(values)); // "12k" reads 12,000 from now on
      this.saved.set(name, this.now(name));
    }
  }

  // Puts what the server merged from elsewhere into the control, and leaves alone what was typed since; the caret stays where it is.
  join(name, sent, values) {
    const [first] = this.controls(name);
    if (first.type === "checkbox") {
      for (const box of this.controls(name)) if (sent.includes(box.value) !== values.includes(box.value)) box.checked = values.includes(box.value);
      return;
    }
    const [before, after] = [lines(sent[0]), lines(values[0])];
    const kept = this.now(name) === JSON.stringify(sent) ? after : lines(first.value).filter((line) => after.includes(line) || !before.includes(line));
    const { selectionStart, selectionEnd } = first;
    first.value = [...new Set([...kept, ...after.filter((line) => !before.includes(line))])].join("\n");
    if (this.hasFocus(name)) first.setSelectionRange(selectionStart, selectionEnd);
  }

  // No answer, or none that says what became of it: the outbox sends it again.
  async notSaved(why, ended = false) {
    const { under, sent } = this;
    if (!under) return;
    this.under = null;
    this.sent = new Map();
    this.queue.set(under.id, under);
    const isKept = await this.kept;
    if (!isKept) this.queue.delete(under.id);
    for (const name of sent.keys()) {
      const note = isKept
        ? this.say(name, ended ? "Saved on this device. It is sent once you are logged in." : KEPT, "kept")
        : this.say(name, `Not saved: ${why}. What you typed is still here, and only here: this device keeps nothing.`, "failed");
      if (!isKept) this.failed.add(name);
      note.classList.toggle("field__error", !isKept);
      if (!isKept) note.setAttribute("role", "alert");
      if (ended) note.append(" ", link("Log in", this.form.dataset.login));
      note.append(" ", button("Try again", { retry: "" }));
    }
    this.tell(isKept ? `${KEPT}.` : "Not saved.");
    if (isKept) release(under.id);
  }

  async retry() {
    await refreshToken();
    if (this.queue.size) send();
    else this.form.requestSubmit();
  }

  // The page goes: what is typed goes to the server without waiting for an answer. False where it might be lost.
  async flush() {
    const names = this.dirty().filter((name) => !this.isKept(name));
    const last = names.length && !this.queue.size ? this.letGo(this.edit(names)) : null;
    const sent = last && sendLast(Object.assign(last, { tried: true }));
    const kept = this.keepTyped(); // what waits behind others, or for a choice
    const rest = this.letGo(this.draft);
    if (rest) kept.then(() => release(rest.id));
    const isSafe = !last || (await sent);
    if (!isSafe && this.queue.delete(last.id)) for (const name of names) this.failed.add(name); // a device that keeps nothing: it is only here
    return (await kept) && isSafe;
  }

  letGo(one) {
    if (one === this.draft) this.draft = null;
    if (one) this.queue.set(one.id, one);
    return one;
  }

  // Out of the browser's memory: meanwhile another page may have sent it.
  comeBack() {
    this.draft = null;
    this.queue.clear();
    this.fillIn();
  }

  // What leaving the page would lose for certain.
  wouldLose() {
    return this.open.size > 0 || this.names().some((name) => this.isDirty(name) && (this.failed.has(name) || this.slot(name).querySelector(".field__error")));
  }

  // ---- changes made elsewhere

  hear(changes) {
    for (const change of [...this.later.splice(0), ...changes]) this.hearOne(change);
  }

  hearOne(change) {
    const { changed: name, version, values, where } = change.dataset;
    if (!this.controls(name).length || Number(version) <= this.bases.get(name)) return;
    const merges = change.querySelector("[data-also]") !== null;
    if (this.sent.has(name) || [...this.queue.values()].some((one) => name in one.values)) {
      this.later.push(change); // perhaps it is our own save, heard before its answer
    } else if (this.now(name) === values) {
      this.take(name, version, values);
    } else if (merges && (this.isDirty(name) || this.hasFocus(name) || this.open.has(name))) {
      this.later.push(change); // the server merges the two; what nobody changed here is shown when the field is left
      if (!this.open.has(name)) this.note(name, change);
    } else if (this.isDirty(name) || this.hasFocus(name) || this.open.has(name)) {
      this.open.add(name);
      this.note(name, change);
      this.showMine(name);
    } else {
      this.take(name, version, values);
      this.say(name, `Updated ${where}`, "updated");
      this.markInvalid(name);
    }
  }

  note(name, change) {
    const note = change.firstElementChild.cloneNode(true);
    if (!this.slot(name).firstElementChild?.isEqualNode(note)) this.slot(name).replaceChildren(note); // said once
  }

  // Beside theirs stands what is in the field, also while one types on.
  showMine(name) {
    const mine = this.slot(name).querySelector("[data-mine]");
    if (mine) mine.textContent = this.words(name);
  }

  take(name, version, values) {
    this.forget(name);
    this.fill(name, JSON.parse(values));
    this.saved.set(name, this.now(name));
    this.bases.set(name, Number(version));
  }

  choose(asked) {
    if (asked.dataset.use === "made") {
      this.form.requestSubmit();
      return;
    }
    const { conflict: name, version, values } = asked.closest("[data-conflict]").dataset;
    const mine = this.controls(name)[0].value;
    this.open.delete(name);
    if (asked.dataset.use === "theirs") {
      this.take(name, version, values);
      this.say(name, "Theirs stays", "saved");
    } else {
      this.bases.set(name, Number(version));
      this.saved.set(name, values);
      if (asked.dataset.use === "both") {
        this.fill(name, [combined(JSON.parse(values)[0], mine, asked.dataset.combine)]);
        this.say(name, "Both stand in the field now, theirs first. Make one of them, then save.", "updated").append(" ", button("Save", { use: "made" }));
      } else if (this.isDirty(name)) this.form.requestSubmit();
      else this.say(name, "Saved", "saved");
    }
    this.hear([]);
    this.controls(name)[0].focus();
  }

  // ---- words

  slot(name) {
    return document.getElementById(`field-${name}-status`);
  }

  say(name, words, kind) {
    const note = document.createElement("p");
    note.className = `field__note field__note--${kind}`;
    note.textContent = words;
    this.slot(name).replaceChildren(note);
    return note;
  }

  tell(words) {
    document.getElementById("profile-form-status").textContent = words;
  }

  markInvalid(name) {
    const invalid = this.slot(name).querySelector(".field__error") !== null;
    document.getElementById(`field-${name}`).classList.toggle("field--invalid", invalid);
    for (const control of this.controls(name)) {
      if (invalid) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    }
  }
}

function lines(text) {
  return text.replace(/\r\n?/g, "\n").split("\n").filter((line) => line.trim());
}

// Two texts for a person to make into one; blueprints/profiles/forms.py does the same for the page without scripts.
function combined(theirs, mine, how) {
  if (how === "lines") return [...new Set([...lines(theirs), ...lines(mine)])].join("\n");
  if (theirs.includes(mine)) return theirs;
  if (mine.includes(theirs)) return mine;
  return theirs + (how === "words" ? " " : "\n\n") + mine;
}

function button(words, data) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "button button--small";
  made.textContent = words;
  Object.assign(made.dataset, data);
  return made;
}

function link(words, address) {
  const made = document.createElement("a");
  made.href = address;
  made.target = "_blank";
  made.dataset.again = ""; // in place, where it can (static/js/again.js)
  made.textContent = words;
  return made;
}

function editorOf(form) {
  if (!form?.matches?.("form[data-editor]")) return null;
  if (!editors.has(form)) editors.set(form, new Editor(form));
  return editors.get(form);
}

const openEditor = () => editorOf(document.querySelector("form[data-editor]"));

function onForm(name, react) {
  document.addEventListener(name, (event) => {
    const editor = editorOf(event.detail?.ctx?.sourceElement);
    if (editor) react(editor, event);
  });
}

onForm("htmx:before:request", (editor, event) => editor.beforeRequest(event));
onForm("htmx:before:response", (editor, event) => editor.beforeResponse(event));
onForm("htmx:after:swap", (editor, { detail }) => editor.afterSwap(detail.ctx.response?.status));
onForm("htmx:error", (editor) => editor.notSaved("there is no connection"));
onForm("htmx:finally:request", (editor) => {
  if (editor.under) release(editor.letGo(editor.under).id); // nobody looked at the answer
  editor.under = null;
  editor.hear([]);
});

document.addEventListener("htmx:after:swap", ({ detail }) => {
  openEditor();
  if (detail.ctx.sourceElement?.id === "profile-elsewhere") openEditor()?.hear([...document.querySelectorAll("#profile-elsewhere [data-changed]")]);
});

document.addEventListener("click", (event) => {
  const asked = event.target.closest("form[data-editor] [data-use], form[data-editor] [data-retry]");
  if (!asked) return;
  const editor = editorOf(asked.form);
  if (asked.dataset.use) editor.choose(asked);
  else editor.retry();
});

// What was saved is no longer what stands there once someone types on.
document.addEventListener("input", ({ target }) => {
  const editor = editorOf(target.form);
  if (editor?.open.has(target.name)) editor.showMine(target.name);
  if (editor?.isDirty(target.name)) editor.slot(target.name)?.querySelector(".field__note--saved")?.remove();
  editor?.keepSoon();
});

// What was saved elsewhere while a field was in use comes into it when it is left, unless it was changed here.
document.addEventListener("focusout", ({ target }) => {
  const editor = editorOf(target.form);
  if (editor?.later.length) setTimeout(() => editor.hear([]));
});

// A form on the page is known before anyone types in it.
document.addEventListener("focusin", (event) => editorOf(event.target.form));
openEditor();

document.addEventListener("duet:sent", ({ detail }) => openEditor()?.answered(detail));
document.addEventListener("duet:leave", ({ detail }) => detail.push(openEditor()?.flush()));

// ---- leaving

document.addEventListener("htmx:before:request", (event) => {
  const editor = openEditor();
  if (!editor || event.detail.ctx.target !== document.body) return;
  if (editor.wouldLose() && !confirm("Some of what you typed is not saved. Leave this page all the same?")) event.preventDefault();
  else editor.flush();
});
// Another form takes the page away, above all "Log out": what is typed is saved first, while it still can be.
document.addEventListener("submit", async (event) => {
  const editor = openEditor();
  const form = event.target;
  if (!editor || form === editor.form || form.matches("[hx-post], [data-leaving], [data-logout]") || !(editor.dirty().length || editor.wouldLose())) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const saved = await editor.flush();
  if ((saved && !editor.wouldLose()) || confirm("Some of what you typed is not saved. Leave this page all the same?")) {
    form.dataset.leaving = "";
    form.requestSubmit(event.submitter);
  }
}, true);
document.addEventListener("htmx:before:history:restore", () => openEditor()?.flush());
addEventListener("pagehide", () => openEditor()?.flush());
addEventListener("pageshow", ({ persisted }) => persisted && openEditor()?.comeBack());
document.addEventListener("visibilitychange", () => document.hidden && openEditor()?.keepTyped());
addEventListener("beforeunload", (event) => {
  if (openEditor()?.wouldLose()) event.preventDefault();
});

// ---- pictures

function carriesFile(event) {
  return event.target.closest?.("[data-drop]") && event.dataTransfer?.types.includes("Files") ? event.target.closest("[data-drop]") : null;
}

document.addEventListener("dragover", (event) => {
  const form = carriesFile(event);
  if (!form) return;
  event.preventDefault();
  form.dataset.dropping = "";
});
document.addEventListener("dragleave", (event) => {
  const form = carriesFile(event);
  if (form && !form.contains(event.relatedTarget)) delete form.dataset.dropping;
});
document.addEventListener("drop", (event) => {
  const form = carriesFile(event);
  if (!form) return;
  event.preventDefault();
  delete form.dataset.dropping;
  const input = form.querySelector("input[type=file]");
  input.files = event.dataTransfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
});

// A file that is too large is refused before it travels.
document.addEventListener("htmx:before:request", (event) => {
  const form = event.detail.ctx.sourceElement;
  if (!form.matches?.("form[data-drop]")) return;
  const file = form.querySelector("input[type=file]").files[0];
  if (file && file.size <= Number(form.dataset.maxBytes)) return;
  event.preventDefault();
  sayOfPicture(file ? `That file has ${(file.size / 1024 ** 2).toFixed(1)} MB: choose a picture of at most 8 MB.` : "Choose a picture first.");
});
document.addEventListener("htmx:error", ({ detail }) => {
  if (detail.ctx?.sourceElement.matches?.("form[data-drop]")) sayOfPicture("Not saved: there is no connection. Try again.");
});
document.addEventListener("htmx:after:swap", ({ detail }) => {
  const form = document.getElementById("avatar-form");
  if (form?.matches("[data-drop]") && (detail.ctx.sourceElement === form || form.contains(detail.ctx.sourceElement)) && detail.ctx.response?.status === 200) form.reset();
});

function sayOfPicture(words) {
  const note = document.createElement("p");
  note.className = "field__error";
  note.textContent = words;
  document.getElementById("field-avatar-status").replaceChildren(note);
}
