// One stream to the server for all that the open tabs show, and the check that keeps them right when there is none.
//
// It opens /live, says by POST /live/watch what is shown at which versions, and hands on each notice. After a lost stream it comes
// back by itself, spread in time; while no stream can be had (a proxy, no free slot) it asks every 15 s. It believes what requests
// do, never navigator.onLine. Used by live.worker.js (one for all tabs) and, without SharedWorker, by each visible tab.

const CHECK_EVERY = 15_000;
const FIRST_RETRY = 400;
const LAST_RETRY = 15_000;
const OPEN_WITHIN = 10_000;
const WATCH_AFTER = 10;
const STREAM_TRIES = 3;

export class Connection {
  #source = null;
  #id = "";
  #shown = {};
  #csrf = "";
  #hidden = false;
  #listening = new Set();
  #failures = 0;
  #retryTimer = 0;
  #openTimer = 0;
  #beatTimer = 0;
  #checkTimer = 0;
  #watchTimer = 0;
  #watching = false;
  #watchAgain = false;
  #holding = false; // another of this member's browsers took the place of our stream: check only, until someone asks
  #beat = 15;
  #calls = 0; // watch calls of this stream: numbered, since they may overtake each other

  /** session: the login session the pages belong to. notice(subject, data) and state(word) are called as things happen. */
  constructor({ session, notice, state }) {
    this.session = session;
    this.notice = notice;
    this.state = state;
    this.word = "connecting";
  }

  /** What all tabs show now: {subject: version}; hidden: none of them is in front. The first call opens the stream. */
  show(shown, csrf, hidden) {
    const changed = hidden !== this.#hidden || JSON.stringify(shown) !== JSON.stringify(this.#shown);
    this.#shown = shown;
    this.#csrf = csrf;
    this.#hidden = hidden;
    for (const subject of Object.keys(shown)) this.#listen(subject);
    if (this.word === "ended") return;
    if (!this.#source && !this.#retryTimer && !this.#holding) this.open();
    else if (changed && this.#id) this.#watchSoon();
  }

  open() {
    this.close();
    this.#holding = false;
    this.#listening.clear();
    const source = new EventSource(`/live?as=${encodeURIComponent(this.session)}${this.#hidden ? "&hidden=1" : ""}`);
    this.#source = source;
    source.addEventListener("stream", (event) => this.#opened(JSON.parse(event.data)));
    source.addEventListener("beat", () => this.#alive());
    source.addEventListener("end", (event) => this.#ended(JSON.parse(event.data)));
    source.addEventListener("error", () => this.#failed());
    for (const subject of Object.keys(this.#shown)) this.#listen(subject);
    this.#openTimer = setTimeout(() => this.#failed(), OPEN_WITHIN);
  }

  close() {
    this.#source?.close();
    this.#source = null;
    this.#id = "";
    for (const timer of [this.#retryTimer, this.#openTimer, this.#beatTimer]) clearTimeout(timer);
    clearInterval(this.#checkTimer);
    this.#retryTimer = this.#checkTimer = 0;
  }

  /** Someone wants it right now: woke up, pressed "refresh now". */
  retry() {
    if (this.word === "ended") return;
    if (this.#id) this.#watchSoon();
    else this.open();
  }

  #listen(subject) {
    if (!this.#source || this.#listening.has(subject)) return;
    this.#listening.add(subject);
    this.#source.addEventListener(subject, (event) => {
      this.#alive();
      this.notice(subject, JSON.parse(event.data));
    });
  }

  #opened({ id, beat }) {
    clearTimeout(this.#openTimer);
    clearInterval(this.#checkTimer);
    this.#checkTimer = 0;
    this.#id = id;
    this.#calls = 0;
    this.#beat = beat;
    this.#alive();
    this.#watchSoon();
  }

  #alive() {
    clearTimeout(this.#beatTimer);
    this.#beatTimer = setTimeout(() => this.#failed(), (2 * this.#beat + 5) * 1000);
  }

  #ended({ why, within = 0 }) {
    this.close();
    this.#holding = why === "full";
    if (why === "full") this.#checkMeanwhile();
    else if (why === "restart") this.#retryIn(Math.random() * within);
    else this.#check().then(() => this.word === "ended" || this.#retryIn(FIRST_RETRY));
  }

  #failed() {
    this.close();
    this.#failures += 1;
    this.#say("reconnecting");
    if (this.#failures >= STREAM_TRIES) this.#checkMeanwhile();
    else if (this.#failures > 1) this.#check();
    this.#retryIn(Math.min(LAST_RETRY, FIRST_RETRY * 2 ** (this.#failures - 1)) * (0.5 + Math.random() / 2));
  }

  #retryIn(milliseconds) {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.open(), milliseconds);
  }

  #checkMeanwhile() {
    this.#check();
    this.#checkTimer ||= setInterval(() => this.#check(), CHECK_EVERY);
  }

  /** The same call without a stream: its answer names what moved on. */
  async #check() {
    const reached = await this.#watch();
    if (reached && !this.#id && this.#checkTimer && this.word !== "ended") this.#say("checking");
    if (!reached && this.#checkTimer && this.word !== "ended") this.#say("offline");
  }

  #watchSoon() {
    clearTimeout(this.#watchTimer);
    this.#watchTimer = setTimeout(async () => {
      if (this.#watching) {
        this.#watchAgain = true;
        return;
      }
      if (!(await this.#watch())) this.#failed();
    }, WATCH_AFTER);
  }

  /** Say what is shown; hand on what the answer names. False when the server was not reached. */
  async #watch() {
    const stream = this.#id;
    this.#watching = true;
    try {
      const response = await fetch("/live/watch", {
        method: "POST",
        cache: "no-store",
        headers: { "X-CSRFToken": this.#csrf, "Content-Type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams({
          as: this.session,
          stream,
          n: ++this.#calls,
          hidden: this.#hidden ? "1" : "0",
          subjects: Object.entries(this.#shown).map(([subject, version]) => `${subject}@${version}`).join(" "),
        }),
        signal: AbortSignal.timeout(OPEN_WITHIN),
      });
      if ([400, 401, 403].includes(response.status)) {
        this.close();
        this.#say("ended");
        return true;
      }
      if (!response.ok) return false;
      const answer = await response.json();
      for (const [subject, version] of Object.entries(answer.stale)) this.notice(subject, { v: version });
      for (const subject of answer.gone) this.notice(subject, { gone: true });
      if (stream && stream === this.#id) {
        if (!answer.stream) return false;
        this.#failures = 0;
        this.#say("live");
      }
      return true;
    } catch {
      return false; // not reached: the caller says so and tries again
    } finally {
      this.#watching = false;
      if (this.#watchAgain) {
        this.#watchAgain = false;
        this.#watchSoon();
      }
    }
  }

  #say(word) {
    if (word === this.word) return;
    this.word = word;
    this.state(word);
  }
}
