"""A small load client: raw sockets and one selector, so that it costs little beside the server it measures."""

import re
import selectors
import socket
import time
from collections.abc import Callable

from psutil import Process

from blueprints.accounts.models import Account, LoginSession


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def cpu_seconds(pid: int) -> float:
    """What a server has used with all its workers."""
    process = Process(pid)
    return sum(sum(one.cpu_times()[:2]) for one in [process, *process.children(recursive=True)])


class Streams:
    """Many open streams, each a socket; remembers when each notice came."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.selector = selectors.DefaultSelector()
        self.heard: list[tuple[str, int, float]] = []
        self.sockets: list[socket.socket] = []
        self.bytes = 0

    def open(self, cookie: str, *watch: str) -> None:
        connection = socket.create_connection(("127.0.0.1", self.port))
        query = "&".join(f"watch={word}" for word in watch)
        connection.sendall(f"GET /live?{query} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n".encode())
        head = b""
        while b"event: stream" not in head:
            head += connection.recv(4096)
        assert b" 200 " in head[:20], head
        connection.setblocking(False)
        self.selector.register(connection, selectors.EVENT_READ)
        self.sockets.append(connection)

    def listen(self, until: Callable[[], bool], within: float) -> None:
        give_up = time.perf_counter() + within
        while not until() and time.perf_counter() < give_up:
            for key, _ in self.selector.select(0.05):
                data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                now = time.perf_counter()
                self.bytes += len(data)
                for name, version in re.findall(rb'event: ((?:profile|conversation):\d+)\ndata: \{"v":(\d+)', data):
                    self.heard.append((name.decode(), int(version), now))

    def close(self) -> None:
        for connection in self.sockets:
            self.selector.unregister(connection)
            connection.close()


def rate(port: int, path: str, cookie: str, requests: int, etag: str = "") -> tuple[float, str]:
    """Requests a second over one keep-alive connection, and the ETag of the answer."""
    headers = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nHX-Request: true\r\n"
    request = (headers + (f"If-None-Match: {etag}\r\n" if etag else "") + "\r\n").encode()
    expected = b"HTTP/1.1 304" if etag else b"HTTP/1.1 200"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        reader = connection.makefile("rb")
        started = time.perf_counter()
        for _ in range(requests):
            connection.sendall(request)
            status, length, found = reader.readline(), 0, ""
            assert status.startswith(expected), status
            while (line := reader.readline()) != b"\r\n":
                name, _, value = line.decode().partition(": ")
                if name.lower() == "content-length":
                    length = int(value)
                elif name.lower() == "etag":
                    found = value.strip()
            reader.read(length)
        return requests / (time.perf_counter() - started), found


def cookie_for(app: object, account: Account) -> str:
    """The cookie of a new login session, made without the form: a benchmark of notices need not hash 50 passwords."""
    _, token = LoginSession.begin(account, remembered=False, user_agent="bench", address="127.0.0.1")
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    return f"duet={serializer.dumps({'_user_id': token})}"
