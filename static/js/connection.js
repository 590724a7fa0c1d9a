// One stream to the server for all that the open tabs show, and the check that keeps them right when there is none.
//
// It opens /live, says there or by POST /live/watch what is shown at which versions, and hands on each notice. A lost stream comes
// back by itself, and not with all others at once: the server says over how long a time they should spread. Where no stream can be
// had (a proxy, no free slot) it asks every 15 s; after a sleep it looks at once. It believes what requests do, never
// navigator.onLine. Used by live.worker.js (one for all tabs) and, without SharedWorker, by each visible tab.

const CHECK_EVERY = 15_000;
const SOONEST = 400;
const STEADY_TRIES = 30; // after so many it tries less often, the less if nobody looks
const LAST_PAUSE = 2_500;
const LAST_PAUSE_HIDDEN = 15_000;
const OPEN_WITHIN = 10_000;
const AWAKE_WITHIN = 4_000;
const TICK = 2_000;
const SLEPT = 10_000; // a timer that is so late, by the clock on the wall, has slept
const WATCH_AFTER = 10;
const STREAM_TRIES = 3;
const ADDRESS_LENGTH = 4_000;

export class Connection {
  #source = null;
  #id = "";
  #shown = {};
  #csrf = "";
  #hidden = false;
  #listening = new Set();
  #said = ""; // what the server was told is shown, as JSON
  #failures = 0;
  #refused = 0; // so many times in a row the server answered, but gave no stream
  #retryTimer = 0;
  #openTimer = 0;
  #beatTimer = 0;
  #checkTimer = 0;
  #watchTimer = 0;
  #watching = false;
  #watchAgain = false;
  #holding = false; // another of this member's browsers took the place of our stream: check only, until someone asks
  #beat = 15;
  #spread = 1_000;
  #lookedAt = Date.now();
  #heardAt = 0;
  #calls = 0; // watch calls of this stream: numbered, since they may overtake each other

  /** session: the login session the pages belong to. notice(subject, data), state(word) and version(of the server's assets) are called as things happen. */
  constructor({ session, notice, state, version }) {
    this.session = session;
    this.notice = notice;
    this.state = state;
    this.version = version;
    this.word = "connecting";
    this.ticking = setInterval(() => this.look(), TICK);
  }

  /** What all tabs show now: {subject: version}; hidden: none of them is in front. The first call opens the stream. */
  show(shown, csrf, hidden) {
    this.#shown = shown;
    this.#csrf = csrf;
    this.#hidden = hidden;
    for (const subject of Object.keys(shown)) this.#listen(subject);
    if (this.word === "ended") return;
    if (!this.#source && !this.#retryTimer && !this.#holding) this.open();
    else if (this.#id && this.#now() !== this.#said) this.#watchSoon();
  }

  open(within = OPEN_WITHIN) {
    this.#drop();
    this.#holding = false;
    this.#listening.clear();
    const query = new URLSearchParams({ as: this.session });
    if (this.#hidden) query.set("hidden", "1");
    const plain = query.toString();
    query.set("watch", this.#words());
    const fits = query.toString().length < ADDRESS_LENGTH;
    this.#said = fits ? this.#now() : "";
    const source = new EventSource(`/live?${fits ? query : plain}`);
    this.#source = source;
    source.addEventListener("stream", (event) => this.#opened(JSON.parse(event.data)));
    source.addEventListener("beat", (event) => this.#beaten(JSON.parse(event.data)));
    source.addEventListener("end", (event) => this.#ended(JSON.parse(event.data)));
    source.addEventListener("error", () => this.#failed());
    for (const subject of Object.keys(this.#shown)) this.#listen(subject);
    this.#openTimer = setTimeout(() => this.#failed(), within);
  }

  close() {
    this.#drop();
    clearInterval(this.#checkTimer);
    this.#checkTimer = 0;
  }

  /** For good. */
  end() {
    this.close();
    clearInterval(this.ticking);
    this.notice = this.state = this.version = () => {};
  }

  /** Someone wants it right now: woke up, pressed "refresh now". */
  retry() {
    if (this.word === "ended") return;
    if (this.look()) return;
    if (this.#id) this.#watchSoon(AWAKE_WITHIN);
    else this.open();
  }

  /** What slept has no stream any more, whatever it looks like: timers and socket stood still. Only the clock on the wall went on; set back, it says nothing. */
  look() {
    const now = Date.now();
    const slept = now - this.#lookedAt > SLEPT && now - this.#heardAt > (this.#beat + 5) * 1000;
    this.#lookedAt = now;
    if (!slept || this.word === "ended" || !(this.#source || this.#retryTimer)) return false;
    this.open(AWAKE_WITHIN);
    return true;
  }

  #drop() {
    this.#source?.close();
    this.#source = null;
    this.#id = "";
    for (const timer of [this.#retryTimer, this.#openTimer, this.#beatTimer, this.#watchTimer]) clearTimeout(timer);
    this.#retryTimer = 0;
  }

  #words() {
    return Object.entries(this.#shown).map(([subject, version]) => `${subject}@${version}`).join(" ");
  }

  #now() {
    return JSON.stringify([this.#shown, this.#hidden]);
  }

  #listen(subject) {
    if (!this.#source || this.#listening.has(subject)) return;
    this.#listening.add(subject);
    this.#source.addEventListener(subject, (event) => {
      this.#alive();
      this.notice(subject, JSON.parse(event.data));
    });
  }

  #opened({ id, beat, spread = 0, version }) {
    for (const timer of [this.#openTimer, this.#retryTimer]) clearTimeout(timer);
    clearInterval(this.#checkTimer);
    this.#retryTimer = this.#checkTimer = this.#refused = 0;
    this.#id = id;
    this.#calls = 0;
    this.#beat = beat;
    this.#spread = Math.max(this.#spread, spread); // the first of many who come back hears of few; the first beat knows more
    this.#alive();
    this.version(version);
    if (this.#now() === this.#said) this.#isRight();
    else this.#watchSoon();
  }

  #isRight() {
    this.#failures = 0;
    this.#say("live");
  }

  #alive() {
    this.#heardAt = Date.now();
    clearTimeout(this.#beatTimer);
    this.#beatTimer = setTimeout(() => this.#failed(), (2 * this.#beat + 5) * 1000);
  }

  #beaten({ spread, trouble = false }) {
    this.#alive();
    this.#spread = spread ?? this.#spread;
    if (trouble) this.#say("trouble");
    else if (this.word === "trouble") this.#watchSoon(OPEN_WITHIN, WATCH_AFTER + Math.random() * this.#spread);
  }

  #ended({ why, within = 0 }) {
    this.close();
    this.#holding = why === "full";
    if (why === "full") this.#checkMeanwhile();
    else if (why === "restart") this.#retryIn(SOONEST + Math.random() * within);
    else this.#check().then((found) => found === "ended" || this.#retryIn(SOONEST));
  }

  #failed() {
    this.#drop();
    this.#failures += 1;
    if (["connecting", "live"].includes(this.word)) this.#say("reconnecting");
    this.#retryIn(this.#failures === 1 ? SOONEST + Math.random() * this.#spread : this.#pause());
    if (this.#failures > 1 && !this.#checkTimer) this.#check();
  }

  // Even pauses keep those apart who came apart: whoever returns finds the server's load spread evenly over the time it asked for.
  #pause() {
    if (this.#checkTimer) return CHECK_EVERY * (0.9 + Math.random() / 5);
    const last = Math.max(this.#spread, this.#hidden ? LAST_PAUSE_HIDDEN : LAST_PAUSE);
    return Math.min(last, this.#spread * 1.2 ** Math.max(0, this.#failures - STEADY_TRIES)) * (0.9 + Math.random() / 5);
  }

  #retryIn(milliseconds) {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.open(), milliseconds);
  }

  #checkMeanwhile() {
    this.#checkTimer ||= setInterval(() => this.#check(), CHECK_EVERY);
    this.#check();
  }

  /** The same call without a stream: its answer names what moved on. */
  async #check() {
    const { found, after = 0 } = await this.#watch();
    if (this.#id || this.word === "ended") return found;
    this.#refused = found === "answered" ? this.#refused + 1 : 0;
    if (found === "answered" && (this.#holding || this.#refused >= STREAM_TRIES - 1)) {
      this.#say("checking");
      if (!this.#checkTimer) {
        this.#checkTimer = setInterval(() => this.#check(), CHECK_EVERY);
        this.#retryIn(this.#pause());
      }
    } else if (found === "trouble" || found === "away") {
      if (this.#checkTimer && !this.#holding) {
        clearInterval(this.#checkTimer);
        this.#checkTimer = 0;
        if (!this.#source) this.#retryIn(this.#pause());
      }
      if (found === "trouble") this.#say("trouble");
      else if (this.#failures >= STREAM_TRIES || this.#holding) this.#say("offline");
      if (after && !this.#holding && !this.#source) this.#retryIn(after * 1000 + Math.random() * this.#spread);
    }
    return found;
  }

  #watchSoon(within = OPEN_WITHIN, after = WATCH_AFTER) {
    clearTimeout(this.#watchTimer);
    this.#watchTimer = setTimeout(async () => {
      if (this.#watching) {
        this.#watchAgain = true;
        return;
      }
      const stream = this.#id;
      const { found, after: seconds = 0 } = await this.#watch(within);
      if (stream !== this.#id || found === "ended") return;
      if (found === "trouble") {
        this.#say("trouble"); // the stream may well live on: ask again
        this.#watchSoon(within, Math.max(seconds * 1000, this.#pause()));
      } else if (found !== "right") {
        this.#failed();
      }
    }, after);
  }

  /**
   * Say what is shown; hand on what the answer names. What was found: "right", "answered" (but there is no such stream), "trouble"
   * (the server has one, and may say after how many seconds to come back), "away", "ended".
   */
  async #watch(within = OPEN_WITHIN) {
    const stream = this.#id;
    const now = this.#now();
    this.#watching = true;
    try {
      const response = await fetch("/live/watch", {
        method: "POST",
        cache: "no-store",
        headers: { "X-CSRFToken": this.#csrf, "Content-Type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams({ as: this.session, stream, n: ++this.#calls, hidden: this.#hidden ? "1" : "0", subjects: this.#words() }),
        signal: AbortSignal.timeout(within),
      });
      if ([400, 401, 403].includes(response.status)) {
        this.close();
        this.#say("ended");
        return { found: "ended" };
      }
      if (!response.ok) return { found: "trouble", after: Number(response.headers.get("Retry-After")) || 0 };
      const answer = await response.json();
      this.version(answer.version);
      for (const [subject, version] of Object.entries(answer.stale)) this.notice(subject, { v: version });
      for (const subject of answer.gone) this.notice(subject, { gone: true });
      if (!stream || stream !== this.#id || !answer.stream) return { found: "answered" };
      this.#said = now;
      this.#isRight();
      return { found: "right" };
    } catch {
      return { found: "away" }; // not reached: the caller says so and tries again
    } finally {
      this.#watching = false;
      if (this.#watchAgain) {
        this.#watchAgain = false;
        if (this.#id) this.#watchSoon();
      }
    }
  }

  #say(word) {
    if (word === this.word) return;
    this.word = word;
    this.state(word);
  }
}
