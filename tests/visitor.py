"""A person without a browser: real HTTP with cookies and CSRF, and an ear on the stream."""

import contextlib
import http.cookiejar
import json
import queue
import re
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

TIMEOUT_SECONDS = 20


@dataclass
class Answer:
    status: int
    text: str
    headers: Any
    url: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Event:
    name: str
    data: dict[str, Any]
    heard_at: float
    size: int


class Visitor:
    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies), urllib.request.ProxyHandler({}))
        self.csrf = ""

    def send(self, method: str, path: str, data: Any = None, **headers: str) -> Answer:
        body = urllib.parse.urlencode(data, doseq=True).encode() if data is not None else None
        request = urllib.request.Request(self.url + path, body, {**({"X-CSRFToken": self.csrf} if self.csrf else {}), **headers}, method=method)
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                answer = Answer(response.status, response.read().decode(), response.headers, response.url)
        except urllib.error.HTTPError as error:
            answer = Answer(error.code, error.read().decode(), error.headers, error.url)
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', answer.text)
        if token:
            self.csrf = token[1]
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, **headers)

    def post(self, path: str, data: Any = None, **headers: str) -> Answer:
        return self.send("POST", path, data or {}, **headers)

    def patch(self, path: str, data: Any, **headers: str) -> Answer:
        return self.send("PATCH", path, data, **headers)

    def log_in(self, email: str, password: str) -> "Visitor":
        self.get("/login")
        answer = self.post("/login", {"email": email, "password": password})
        assert answer.status == 200 and not answer.url.endswith("/login"), answer.text
        self.get("/profile")
        return self

    @property
    def session(self) -> str:
        """The id of the login session, as pages know it."""
        return next(cookie.value or "" for cookie in self.cookies if cookie.name == "duet_session")

    def listen(self, *watch: str) -> "Listener":
        return Listener(self, watch)

    def watch(self, stream: str, *subjects: str) -> Answer:
        return self.post("/live/watch", {"stream": stream, "subjects": " ".join(subjects)})


class Listener:
    """An open stream; its events come in a queue as they arrive."""

    def __init__(self, visitor: Visitor, watch: tuple[str, ...] = ()) -> None:
        query = urllib.parse.urlencode([("watch", word) for word in watch])
        request = urllib.request.Request(f"{visitor.url}/live?{query}", headers={"Accept": "text/event-stream"})
        self.response = visitor._opener.open(request, timeout=60)
        self._socket: socket.socket = self.response.fp.raw._sock
        self.events: queue.Queue[Event | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        first = self.next()
        assert first.name == "stream", first
        self.id: str = first.data["id"]
        self.version: str = first.data["version"]

    def _read(self) -> None:
        lines: list[bytes] = []
        try:
            for line in self.response:
                if line.strip():
                    lines.append(line)
                elif lines:
                    fields = dict(part.decode().rstrip("\n").split(": ", 1) for part in lines)
                    self.events.put(Event(fields["event"], json.loads(fields["data"]), time.perf_counter(), sum(map(len, lines)) + 1))
                    lines = []
        except (OSError, ValueError, AttributeError):
            pass  # closed under us: the end of the events says it
        self.events.put(None)

    def next(self, name: str | None = None, within: float = 20) -> Event:
        """The next event (of that name); fails when none comes in time or the stream ends."""
        give_up = time.monotonic() + within
        while True:
            event = self.events.get(timeout=max(0.01, give_up - time.monotonic()))
            assert event is not None, "the stream ended"
            if event.name != "beat" and name in (None, event.name):
                return event

    def heard(self, within: float = 1.5) -> list[Event]:
        """Everything that arrives in that time, heartbeats aside."""
        events = []
        give_up = time.monotonic() + within
        while (left := give_up - time.monotonic()) > 0:
            try:
                event = self.events.get(timeout=left)
            except queue.Empty:
                break
            if event is None:
                break
            if event.name != "beat":
                events.append(event)
        return events

    def ends(self, within: float = 20) -> str:
        """Why the server ended it."""
        why = self.next("end", within).data["why"]
        assert self.events.get(timeout=within) is None
        return why

    def close(self) -> None:
        """At once: closing alone waits for the reading thread, and that for the next heartbeat."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self.response.close()
