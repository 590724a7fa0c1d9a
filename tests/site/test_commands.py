"""``flask serve`` as ``make run`` calls it: what cannot work is said in one line, and what it keeps is kept safely."""

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import servers

Command = Callable[..., subprocess.CompletedProcess[str]]

NOT_PORTS = ["abc", "0", "65536", "", "²", "٣", "9" * 5_000]


@pytest.fixture
def flask(tmp_path: Path) -> Command:
    """``flask("serve", PORT="abc")``: the real command on an instance of its own, to its end."""

    def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL", "WEB_CONCURRENCY", "SECRET_KEY")}
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", "app.py", *arguments], cwd=servers.ROOT, check=False, capture_output=True, text=True, timeout=60,
            env={**clean, "INSTANCE_PATH": str(tmp_path / "instance"), "DEMO": "0", "PORT": str(servers.free_port()), **env},
        )

    return run


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def refusal(ended: subprocess.CompletedProcess[str]) -> str:
    """The one line with which it refused."""
    assert ended.returncode not in (0, None), ended.stdout
    assert "Traceback" not in ended.stderr
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("duet: ")
    return lines[0]


def test_a_taken_port_is_said_in_one_line(flask: Command, taken_port: int) -> None:
    said = refusal(flask("serve", PORT=str(taken_port)))

    assert f"cannot listen on 127.0.0.1:{taken_port}" in said
    assert "PORT=" in said, "and what to do about it"


@pytest.mark.parametrize("port", NOT_PORTS)
def test_what_is_no_port_is_said_in_one_line(flask: Command, port: str) -> None:
    assert "PORT must be a number from 1 to 65535" in refusal(flask("serve", PORT=port))


def test_a_host_this_machine_does_not_have_is_said_in_one_line(flask: Command) -> None:
    assert "cannot listen on 192.0.2.1" in refusal(flask("serve", HOST="192.0.2.1"))


@pytest.mark.parametrize("setting", ["LIVE_MAX_STREAMS", "TRUSTED_PROXIES"])
def test_any_other_number_that_is_none_is_said_in_one_line(flask: Command, setting: str) -> None:
    assert setting in refusal(flask("serve", **{setting: "many"}))


def test_several_workers_without_a_bus_are_refused(flask: Command) -> None:
    said = refusal(flask("serve", WEB_CONCURRENCY="2"))

    assert "REDIS_URL" in said


@pytest.mark.parametrize("workers", ["0", "two", "", "²"])
def test_what_is_no_number_of_workers_is_said_in_one_line(flask: Command, workers: str) -> None:
    assert "WEB_CONCURRENCY must be a number" in refusal(flask("serve", WEB_CONCURRENCY=workers))


def test_a_file_in_the_place_of_the_instance_folder_is_said_in_one_line(flask: Command, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")

    for place in (tmp_path / "taken", tmp_path / "taken" / "below"):
        said = refusal(flask("serve", INSTANCE_PATH=str(place)))
        assert str(place) in said and "INSTANCE_PATH" in said
    assert (tmp_path / "taken").read_text() == "a file"


@pytest.mark.parametrize("url", [
    "postgresql+psycopg://nobody:secret@127.0.0.1:1/none",
    "sqlite:////nowhere/at/all.sqlite3",
    "nonsense",
])
def test_a_database_that_cannot_be_used_is_said_in_one_line(flask: Command, url: str) -> None:
    said = refusal(flask("serve", DATABASE_URL=url))

    assert "database" in said.lower()
    assert "secret" not in said


def test_the_secret_is_the_owners_alone_and_stays_the_same(flask: Command, tmp_path: Path) -> None:
    secret = tmp_path / "instance" / "secret"
    for _ in range(2):
        assert flask("routes").returncode == 0
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert len(secret.read_text()) == 64
        kept = secret.read_text()
    assert secret.read_text() == kept
    assert [path.name for path in secret.parent.iterdir()] == ["secret"], "nothing half made lies about"


def test_the_secret_survives_a_start_that_is_given_another(flask: Command, tmp_path: Path) -> None:
    secret = tmp_path / "instance" / "secret"
    flask("routes")
    kept = secret.read_text()

    assert flask("routes", SECRET_KEY="another").returncode == 0

    assert secret.read_text() == kept


def test_two_first_starts_at_once_agree_on_the_secret(tmp_path: Path) -> None:
    code = "import sys, pathlib; from app import kept_secret; print(kept_secret(pathlib.Path(sys.argv[1])))"
    starts = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "secret")], cwd=servers.ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]

    told = {start.communicate(timeout=60)[0] for start in starts}

    assert told == {(tmp_path / "secret").read_text() + "\n"}


def test_a_second_setup_changes_nothing(flask: Command, tmp_path: Path) -> None:
    assert flask("setup").returncode == 0
    database = tmp_path / "instance" / "duet.sqlite3"
    before = database.read_bytes()

    again = flask("setup")

    assert (again.returncode, again.stderr) == (0, "")
    assert database.read_bytes() == before


def test_it_says_where_it_runs_and_who_may_look_around_and_stops_cleanly(tmp_path: Path) -> None:
    port = servers.free_port()
    env = {**os.environ, "INSTANCE_PATH": str(tmp_path / "instance"), "PORT": str(port)} | {"DEMO": "1"}
    serving = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "app.py", "serve"], cwd=servers.ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert serving.stdout
        said = ""
        while "Ctrl-C" not in said:
            line = serving.stdout.readline()
            assert line, f"it ended: {said}"
            said += line
        serving.send_signal(signal.SIGINT)
        rest = serving.communicate(timeout=20)[0]
    finally:
        serving.kill()
        serving.wait()

    assert f"http://localhost:{port}" in said
    for role, email in (("creator", "ana@example.com"), ("brand", "bo@example.com")):
        assert f"Demo {role}: {email}  password: " in said
    assert serving.returncode == 0
    assert "Traceback" not in rest
