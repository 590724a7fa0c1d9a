"""A browser without a screen: it follows the rules of static/js/connection.js and live.js, with shorter waits.

One stream for all its tabs; a watch call says what they show; a tab fetches the fragments that fell behind, and again until they show
what was heard. It remembers what it was told and what it was shown, for those who judge afterwards.
"""

import asyncio
import json
import random
import re
import time
import urllib.parse
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Any

OPEN_WITHIN = 8.0
ANSWER_WITHIN = 10.0
SILENCE_SECONDS = 2.0  # beside two heartbeats
CHECK_EVERY = 1.5
FIRST_RETRY, LAST_RETRY = 0.3, 2.5
WATCH_AFTER = 0.02
TELLS_THE_NEWEST = ("profile-elsewhere",)  # not what is, but what changed since it was last asked
ADDRESS_LENGTH = 4_000
AT_ONCE = 5  # requests, beside the stream: what a browser opens to one host

LIVE = re.compile(r"""<([a-z][a-z0-9]*)\b[^>]*?\bdata-live="([^"]*)"[^>]*>""")
ATTRIBUTE = re.compile(r"""\b(id|hx-get|hx-status:404|data-live)="([^"]*)\"""")
PLACE = re.compile(r"\[([\w-]+)\]")
OF_THE_MOMENT = re.compile(r"""(<time\b[^>]*>)[^<]*</time>|(name="csrf_token"\s+value=")[^"]*|(\s)\s+""")


class NoAnswer(Exception):
    """The request may have arrived, or not."""


@dataclass
class Answer:
    status: int
    text: str
    headers: list[tuple[str, str]]

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


@dataclass
class Fragment:
    """A live element without those inside it. ``versions``: what it shows."""

    id: str
    versions: dict[str, int]
    url: str
    when_gone: str
    text: str
    within: str | None


def fragments_of(html: str) -> Iterator[Fragment]:
    """The live elements of a page or of an answer, outer ones first."""
    found: list[tuple[int, int, Fragment]] = []
    for match in LIVE.finditer(html):
        said = dict(ATTRIBUTE.findall(match[0]))
        end = end_of(html, match[1], match.end())
        outer = next((fragment for start, stop, fragment in reversed(found) if start < match.start() < stop), None)
        words = (word.partition("@") for word in said["data-live"].split())
        versions = {subject: int(version) for subject, _, version in words}
        id = said.get("id") or f"of {said['data-live']}"
        found.append((match.start(), end, Fragment(id, versions, unescape(said.get("hx-get", "")), said.get("hx-status:404", ""), "", outer.id if outer else None)))
    for start, end, fragment in found:
        inner = sorted((a, b, other.id) for a, b, other in found if other.within == fragment.id and start < a < end)
        parts, at = [], start
        for a, b, id in inner:
            parts += [html[at:a], f"[{id}]"]
            at = b
        fragment.text = normal("".join([*parts, html[at:end]]))
        yield fragment


def words(shown: Mapping[str, int]) -> str:
    return " ".join(f"{subject}@{version}" for subject, version in shown.items())


def end_of(html: str, tag: str, start: int) -> int:
    depth = 1
    for match in re.finditer(rf"<(/?){tag}\b", html[start:]):
        depth += -1 if match[1] else 1
        if not depth:
            return start + match.end() + 1
    return start  # an element without an end, such as <meta>


def normal(html: str) -> str:
    """Without what differs from one answer to the next: words such as "a minute ago", tokens, white space."""
    return OF_THE_MOMENT.sub(lambda match: match[1] or match[2] or " ", html)


@dataclass
class Tab:
    device: "Device"
    path: str = ""
    fragments: dict[str, Fragment] = field(default_factory=dict)
    busy: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    again: set[str] = field(default_factory=set)
    history: dict[str, list[tuple[float, int | None]]] = field(default_factory=lambda: defaultdict(list))  # subject → when it showed which version

    async def open(self, path: str) -> bool:
        """As a person follows a link: where the page cannot be had, the old one stays."""
        try:
            answer = await self.device.exchange("GET", path)
        except NoAnswer:
            return False
        if answer.status != 200:
            return False
        self.path, self.fragments = path, {fragment.id: fragment for fragment in fragments_of(answer.text)}
        self._changed()
        for subject in self.shown:
            self.catch_up(subject)
        return True

    @property
    def shown(self) -> dict[str, int]:
        all: dict[str, int] = {}
        for fragment in self.fragments.values():
            for subject, version in fragment.versions.items():
                all[subject] = min(version, all.get(subject, version))
        return all

    def hear(self, subject: str, data: Mapping[str, Any]) -> None:
        if data.get("gone"):
            for fragment in self._showing(subject):
                self._refresh(fragment.id)
        else:
            self.catch_up(subject)

    def catch_up(self, subject: str) -> None:
        for fragment in self._showing(subject):
            if self._is_behind(fragment):
                self._refresh(fragment.id)

    def _showing(self, subject: str) -> list[Fragment]:
        return [fragment for fragment in self.fragments.values() if subject in fragment.versions]

    def _is_behind(self, fragment: Fragment) -> bool:
        return any(version < self.device.newest.get(subject, -1) for subject, version in fragment.versions.items())

    def _refresh(self, id: str) -> None:
        if id in self.busy:
            self.again.add(id)
        elif self.fragments[id].url:
            self.busy[id] = self.device.spawn(self._keep_asking(id))

    async def _keep_asking(self, id: str) -> None:
        """Until it shows what was heard."""
        delay = FIRST_RETRY
        try:
            while fragment := self.fragments.get(id):
                self.again.discard(id)
                was_answered = await self._ask(fragment)
                now = self.fragments.get(id)
                if was_answered and id not in self.again and not (now and self._is_behind(now)):
                    return
                await asyncio.sleep(delay)
                delay = min(LAST_RETRY, 2 * delay)
        finally:
            del self.busy[id]

    async def _ask(self, fragment: Fragment) -> bool:
        try:
            answer = await self.device.exchange("GET", fragment.url, {"HX-Request": "true", "HX-Request-Type": "partial"})
        except NoAnswer:
            return False
        is_there = fragment.id in self.fragments and self.fragments[fragment.id].url == fragment.url
        if is_there and (answer.status == 200 or (answer.status == 404 and fragment.when_gone)):
            self._swap(fragment.id, [] if fragment.when_gone == "swap:delete" and answer.status == 404 else list(fragments_of(answer.text)))
        return answer.status < 500

    def _swap(self, id: str, new: list[Fragment]) -> None:
        within = self.fragments[id].within
        gone = {id}
        for fragment in self.fragments.values():  # outer ones come first
            if fragment.within in gone:
                gone.add(fragment.id)
        kept = {name: fragment for name, fragment in self.fragments.items() if name not in gone}
        for fragment in new:
            if fragment.within is None and fragment.id != id and fragment.id not in kept:
                continue  # out of band, for what this page does not have
            fragment.within = within if fragment.id == id else fragment.within
            kept[fragment.id] = fragment
        self.fragments = kept
        self._changed()
        for subject in {subject for fragment in new for subject in fragment.versions}:
            self.catch_up(subject)

    def _changed(self) -> None:
        now, shown = time.monotonic(), self.shown
        for subject in shown.keys() | self.history.keys():
            if subject.startswith("profile:") and (not self.history[subject] or self.history[subject][-1][1] != shown.get(subject)):
                self.history[subject].append((now, shown.get(subject)))
        self.device.changed.set()


class Device:
    """One browser of one member, with its tabs."""

    def __init__(self, port: int, name: str, email: str, chance: random.Random) -> None:
        self.port, self.name, self.email, self.chance = port, name, email, chance
        self.cookies: dict[str, str] = {}
        self.csrf = self.session = self.account = ""
        self.tabs: list[Tab] = []
        self.newest: dict[str, int] = {}
        self.changed = asyncio.Event()
        self.word = "connecting"
        self.calls = 0
        self.stream = ""
        self.told: list[tuple[float, str, dict[str, Any]]] = []  # when, of which subject, what
        self.beats: list[float] = []  # when the server said that it lives
        self.read: list[tuple[float, float, frozenset[str]]] = []  # asked, answered, whose words were in it
        self.statuses: Counter[int] = Counter()
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._slots = asyncio.Semaphore(AT_ONCE)

    def spawn(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.faults.append(f"{self.name}: {error!r}")

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Requests.

    async def log_in(self, password: str) -> None:
        await self.exchange("GET", "/login")
        answer = await self.exchange("POST", "/login", data={"email": self.email, "password": password})
        assert answer.status == 302, answer.text
        page = await self.exchange("GET", "/profile")
        self.account, self.session = (re.search(pattern, page.text)[1] for pattern in (r'data-account="(\d+)"', r'name="live" content="(\d+)"'))  # type: ignore[index]

    async def exchange(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, data: Mapping[str, Any] | None = None, within: float = ANSWER_WITHIN
    ) -> Answer:
        """One request and its whole answer; NoAnswer where it does not come."""
        body = urllib.parse.urlencode({"csrf_token": self.csrf, **data}, doseq=True) if data is not None else ""
        said = dict(headers or {}) | ({"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))} if data is not None else {})
        async with self._slots:
            asked = time.monotonic()
            try:
                async with asyncio.timeout(within):
                    answer = await self._exchange(self._head(method, path, "1.1", said) + body.encode())
            except (OSError, TimeoutError, ValueError) as error:
                self.counts["requests without answer"] += 1
                raise NoAnswer from error
        self.statuses[answer.status] += 1
        for name, value in answer.headers:
            if name == "set-cookie":
                cookie, _, of = value.partition(";")[0].partition("=")
                self.cookies[cookie] = of
        if token := re.search(r'(?:name="csrf_token"[^>]*value=|data-csrf=)"([^"]+)"', answer.text):
            self.csrf = token[1]
        self.read.append((asked, time.monotonic(), frozenset(TOKEN.findall(answer.text))))
        if answer.status == 500:
            self.faults.append(f"{self.name}: {method} {path} was answered with 500")
        return answer

    def _head(self, method: str, path: str, version: str, headers: Mapping[str, str]) -> bytes:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        lines = [f"{method} {path} HTTP/{version}", "Host: localhost", "Connection: close", f"User-Agent: {self.name}", f"Cookie: {cookie}"]
        return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()

    async def _exchange(self, request: bytes) -> Answer:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            raw = await reader.read()
        finally:
            writer.transport.abort()
        head, _, body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)]
        answer = Answer(int((first.split() or ["", "no"])[1]), body.decode(), headers)
        if len(body) != int(answer.header("content-length") or len(body)):
            raise ValueError("cut off")
        return answer

    # The stream.

    async def stay_connected(self) -> None:
        failures = 0
        while True:
            why, within = await self._listen()
            if self.word == "live":
                failures = 0
                self.counts["streams lost"] += 1
            self.stream = ""
            self.word = "reconnecting"
            if why == "restart":
                await asyncio.sleep(FIRST_RETRY + self.chance.random() * within / 1000)
                continue
            failures += 1
            if (failures > 1 or why) and await self._watch() == "answered" and (failures >= 3 or why == "full"):
                await asyncio.sleep(CHECK_EVERY)  # no stream is to be had, but answers are
            else:
                await asyncio.sleep(min(LAST_RETRY, FIRST_RETRY * 2 ** (failures - 1)) * (0.5 + self.chance.random() / 2))

    async def _listen(self) -> tuple[str, int]:
        """Until the stream ends: why, where the server said so, and within how many milliseconds to come back."""
        watching: asyncio.Task[None] | None = None
        writer: asyncio.StreamWriter | None = None
        self.counts["streams opened"] += 1
        said = self.shown
        query = urllib.parse.urlencode({"as": self.session, "watch": words(said)})
        if len(query) > ADDRESS_LENGTH:
            said, query = {}, f"as={self.session}"
        try:
            async with asyncio.timeout(OPEN_WITHIN) as patience:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(self._head("GET", f"/live?{query}", "1.0", {"Accept": "text/event-stream"}))
                head = await reader.readuntil(b"\r\n\r\n")
                status = int(head.split()[1])
                self.statuses[status] += 1
                if status in (401, 403):
                    self.faults.append(f"{self.name}: the stream was refused with {status}")
                was_in_trouble = False
                while status == 200:
                    name, data = (line.split(b": ", 1)[1].decode() for line in (await reader.readuntil(b"\n\n")).rstrip().split(b"\n"))
                    told = json.loads(data)
                    if name in ("stream", "beat"):
                        self.beats.append(time.monotonic())
                    if name == "stream":
                        self.stream, self.calls, silence = told["id"], 0, 2 * told["beat"] + SILENCE_SECONDS
                        if said == self.shown:
                            self.word = "live"
                        else:
                            self.changed.set()
                        watching = self.spawn(self._keep_watching(writer))
                    elif name == "end":
                        return told["why"], told.get("within", 0)
                    elif name != "beat":
                        self._hear(name, told)
                    elif was_in_trouble != told.get("trouble", False):
                        was_in_trouble = not was_in_trouble
                        if not was_in_trouble:
                            self.changed.set()
                    patience.reschedule(asyncio.get_running_loop().time() + silence)
        except (OSError, TimeoutError, ValueError, IndexError, asyncio.IncompleteReadError):
            pass
        finally:
            if watching:
                watching.cancel()
            if writer:
                writer.transport.abort()
        return "", 0

    async def _keep_watching(self, writer: asyncio.StreamWriter) -> None:
        while True:
            await self.changed.wait()
            await asyncio.sleep(WATCH_AFTER)
            self.changed.clear()
            found = await self._watch()
            if found == "trouble":  # the stream may well live on: ask again
                await asyncio.sleep(LAST_RETRY)
                self.changed.set()
            elif found != "right":
                writer.transport.abort()
                return

    async def _watch(self) -> str:
        """Say what is shown; hear what the answer names. What was found: right, answered (but no such stream is known), trouble, or away."""
        stream = self.stream
        self.calls += 1
        said = {"as": self.session, "stream": stream, "n": self.calls, "hidden": 0, "subjects": words(self.shown)}
        try:
            answer = await self.exchange("POST", "/live/watch", data=said, within=OPEN_WITHIN)
        except NoAnswer:
            return "away"
        if answer.status in (400, 401, 403):
            self.faults.append(f"{self.name}: the watch call was refused with {answer.status}")
        if answer.status != 200:
            return "trouble"
        told = json.loads(answer.text)
        for subject, version in told["stale"].items():
            self._hear(subject, {"v": version})
        for subject in told["gone"]:
            self._hear(subject, {"gone": True})
        if not stream or stream != self.stream or not told["stream"]:
            return "answered"
        self.word = "live"
        return "right"

    @property
    def shown(self) -> dict[str, int]:
        all: dict[str, int] = {}
        for tab in self.tabs:
            for subject, version in tab.shown.items():
                all[subject] = min(version, all.get(subject, version))
        return all

    def _hear(self, subject: str, data: dict[str, Any]) -> None:
        self.told.append((time.monotonic(), subject, data))
        self.newest[subject] = max(data.get("v", -1), self.newest.get(subject, -1))
        for tab in self.tabs:
            tab.hear(subject, data)

    # Whether all is well.

    async def is_behind(self) -> list[str]:
        """What its tabs still have to learn, asked of the server itself."""
        if self.word != "live":
            return [f"{self.name} is {self.word}"]
        waiting = [f"{self.name} {tab.path} asks for {id}" for tab in self.tabs for id in tab.busy]
        if waiting:
            return waiting
        said = {"as": self.session, "stream": "", "hidden": 0, "subjects": words(self.shown)}
        try:
            told = json.loads((await self.exchange("POST", "/live/watch", data=said)).text)
        except (NoAnswer, ValueError):
            return [f"{self.name} was not answered"]
        kept = {subject for tab in self.tabs for fragment in tab.fragments.values() if fragment.when_gone for subject in fragment.versions}
        return [f"{self.name} does not know {word}" for word in [*told["stale"], *(kept & set(told["gone"]))]]

    async def differs(self) -> list[str]:
        """The fragments that read otherwise when they are fetched anew."""
        wrong: list[str] = []
        fresh: dict[str, dict[str, str]] = {}
        for tab in self.tabs:
            for fragment in list(tab.fragments.values()):
                if not fragment.url or fragment.within or fragment.id in TELLS_THE_NEWEST:
                    continue
                if fragment.url not in fresh:
                    try:
                        answer = await self.exchange("GET", fragment.url, {"HX-Request": "true", "HX-Request-Type": "partial"})
                    except NoAnswer:
                        return [f"{self.name} was not answered"]
                    if answer.status == 404 and not fragment.when_gone:
                        continue
                    new = {one.id: one for one in fragments_of(answer.text)}
                    fresh[fragment.url] = {id: without(one.text, new) for id, one in new.items()}
                for id in self._with_inner(tab, fragment.id):
                    now, then = fresh[fragment.url].get(id, "nothing"), without(tab.fragments[id].text, tab.fragments)
                    if now != then:
                        wrong.append(f"{self.name} {tab.path} #{id} shows\n    {difference(then, now)}")
        return wrong

    @staticmethod
    def _with_inner(tab: Tab, id: str) -> Collection[str]:
        ids = {id}
        for fragment in tab.fragments.values():
            if fragment.within in ids:
                ids.add(fragment.id)
        return ids


def without(text: str, there: Collection[str]) -> str:
    """The text without the places of live elements that are gone from it since."""
    return " ".join(PLACE.sub(lambda match: match[0] if match[1] in there else "", text).split())


def difference(one: str, other: str) -> str:
    """Where they part."""
    at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(0, at - 60)
    return f"…{one[start:at + 80]}…\n    where a reload shows\n    …{other[start:at + 80]}…"


TOKEN = re.compile(r"\b(?:say|word|ask)-[0-9-]+-[0-9]+\b")  # by whom and for whom: see people.py
