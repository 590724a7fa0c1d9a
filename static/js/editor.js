// Saves a profile field by field while it is edited, and never loses or overwrites what someone types.
//
// htmx sends the form (hx-patch); here it is cut down to the fields that differ from what is saved, each with the version it is based on.
// What was saved on another device is put into fields that nobody is typing in, and beside the others, with both values to choose from.
// The same file sends a picture that is dropped on its form.

const editors = new WeakMap();
const FINE = [200, 409, 422];

class Editor {
  constructor(form) {
    this.form = form;
    this.saved = new Map(); // field → its values as they are saved, as JSON
    this.bases = new Map(); // field → the version those are of
    this.sent = new Map(); // field → values under way
    this.open = new Set(); // fields in conflict, waiting for a choice
    this.failed = new Set(); // fields whose last save did not arrive
    this.later = []; // changes made elsewhere, heard while the same field was under way
    const unsaved = (form.dataset.unsaved ?? "").split(" ");
    for (const name of this.names()) {
      this.bases.set(name, Number(form.elements.base.value));
      this.saved.set(name, unsaved.includes(name) ? null : this.rendered(name));
    }
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

  body(names) {
    const body = new URLSearchParams({ csrf_token: this.form.elements.csrf_token?.value ?? "", base: this.form.elements.base.value });
    for (const name of names) {
      body.append(`base-${name}`, this.bases.get(name));
      if (this.controls(name)[0].type === "checkbox") body.append(name, "");
      for (const value of this.typed(name)) body.append(name, value);
    }
    return body;
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
    this.sent = new Map(names.map((name) => [name, this.now(name)]));
    event.detail.ctx.request.body = this.body(names);
    for (const name of names) this.say(name, "Saving…", "info");
    this.tell("Saving…");
  }

  // An answer that is not about fields: nothing of it belongs into the page, and the typed values stay.
  beforeResponse(event) {
    const { status, headers } = event.detail.ctx.response;
    if (FINE.includes(status) && !headers.get("HX-Redirect")) return;
    event.preventDefault();
    const ended = status === 401 || headers.get("HX-Redirect");
    this.notSaved(ended ? "you were logged out. Log in in another tab, then try again" : status === 400 || status === 403 ? "this page is too old" : status === 429 ? "too often just now" : "the server could not take it", ended);
  }

  afterSwap() {
    for (const [name, sent] of this.sent) {
      const slot = this.slot(name);
      const answer = slot.querySelector("[data-saved]");
      if (answer) this.wasSaved(name, sent, answer.dataset);
      if (slot.querySelector("[data-conflict]")) this.open.add(name);
      this.failed.delete(name);
      this.markInvalid(name);
    }
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

  notSaved(why, ended = false) {
    for (const name of this.sent.keys()) {
      this.failed.add(name);
      const note = this.say(name, `Not saved: ${why}. What you typed is still here.`, "failed");
      note.classList.add("field__error");
      note.setAttribute("role", "alert");
      if (ended) note.append(" ", link("Log in", this.form.dataset.login));
      note.append(" ", button("Try again", { retry: "" }));
    }
    this.sent.clear();
    this.tell("Not saved.");
  }

  async retry() {
    await this.refreshToken();
    this.form.requestSubmit();
  }

  // Whoever logged in again in another tab has a new token; the values typed here are to be kept.
  async refreshToken() {
    try {
      const answer = await fetch(this.form.action, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const token = page.querySelector("#profile-form [name=csrf_token]")?.value;
      if (token) for (const field of document.querySelectorAll("input[name=csrf_token]")) field.value = token;
    } catch {
      // still no network: the save itself says so
    }
  }

  // The page goes: what is typed goes to the server without waiting for an answer.
  async flush() {
    const names = this.dirty().filter((name) => this.sent.get(name) !== this.now(name));
    if (!names.length) return true;
    try {
      const answer = await fetch(this.form.action, { method: "PATCH", keepalive: true, headers: { Accept: "application/json" }, body: this.body(names) });
      return answer.ok;
    } catch {
      return false; // who waits for the answer asks the person
    }
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
    if (this.sent.has(name)) {
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
onForm("htmx:after:swap", (editor) => editor.afterSwap());
onForm("htmx:error", (editor) => editor.notSaved("there is no connection"));
onForm("htmx:finally:request", (editor) => editor.hear([]));

document.addEventListener("htmx:after:swap", ({ detail }) => {
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
});

// What was saved elsewhere while a field was in use comes into it when it is left, unless it was changed here.
document.addEventListener("focusout", ({ target }) => {
  const editor = editorOf(target.form);
  if (editor?.later.length) setTimeout(() => editor.hear([]));
});

// A form on the page is known before anyone types in it.
document.addEventListener("focusin", (event) => editorOf(event.target.form));
openEditor();

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
  if (!editor || form === editor.form || form.matches("[hx-post], [data-leaving]") || !(editor.dirty().length || editor.wouldLose())) return;
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
