"""``flask backup`` while members write, ``flask restore`` into an empty folder and over a newer one, and what each refuses. One real server for most."""

import contextlib
import hashlib
import io
import itertools
import json
import os
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tarfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from PIL import Image
from sqlalchemy import func, select

from blueprints.accounts.models import RENEWED_BY, Account, LoginSession
from blueprints.accounts.subjects import own_subjects
from blueprints.extensions import db
from blueprints.live import NO_ID
from blueprints.live.announcements import Announcement
from blueprints.live.subjects import Subject, current_versions
from blueprints.live.subjects import _kinds as KINDS
from blueprints.messages.models import Conversation
from blueprints.profiles import avatars
from blueprints.profiles.history import Edit
from blueprints.requests.models import Request
from blueprints.site import backups
from blueprints.site.backups import DATABASE, MANIFEST, PLAN, STAGING
from blueprints.site.renewing import renew
from tests import servers
from tests.conftest import PASSWORD, People, add_account, add_cast, app_on
from tests.visitor import Answer, Visitor

Ended = subprocess.CompletedProcess[str]
ANA, BO = "creator1@example.com", "brand2@example.com"
PATIENCE_SECONDS = 20


def flask(instance: Path, *arguments: object, most_bytes: int = resource.RLIM_INFINITY) -> Ended:
    """The real command, to its end; ``most_bytes``: as on a disk on which no file can become longer."""
    clean = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL", "WEB_CONCURRENCY", "SECRET_KEY")}
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app.py", *map(str, arguments)], cwd=servers.ROOT, check=False, capture_output=True, text=True, timeout=60,
        env={**clean, "INSTANCE_PATH": str(instance), "DEMO": "0"}, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes)),
    )


def refusal(ended: Ended) -> str:
    """The one line with which it refused."""
    assert ended.returncode == 1, (ended.stdout, ended.stderr)
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("duet: ")
    return lines[0]


def done(ended: Ended) -> str:
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def inhabit(instance: Path) -> None:
    """The cast, ana with a picture, and a conversation between ana and bo."""
    with app_on(instance) as app, app.app_context():
        cast = add_cast()
        cast.ana.profile.avatar = avatars.store(avatars.pictures(Image.new("RGB", (200, 200), "coral")), app.config["MEDIA_PATH"])
        Request.send(cast.ana, cast.bo.profile, {"what": "A film"}).answer(cast.bo, accept=True)
        db.session.scalars(select(Conversation)).one().write(cast.ana, "About street food", "the first")
        db.session.commit()


@pytest.fixture
def inhabited(instance: Path) -> Path:
    inhabit(instance)
    return instance


@pytest.fixture(scope="module")
def taken(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of an instance where nothing is written any more."""
    folder = tmp_path_factory.mktemp("taken")
    shutil.copytree(prepared, folder / "instance")
    inhabit(folder / "instance")
    assert "3 accounts, 1 messages, 3 picture files" in done(flask(folder / "instance", "backup", folder / "whole.tar"))
    return folder / "whole.tar"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[FlaskCliRunner]:
    """The commands in this process, on an instance without a database."""
    with app_on(tmp_path / "here") as app:
        yield app.test_cli_runner()


@contextlib.contextmanager
def served(instance: Path) -> Iterator[servers.Server]:
    """As operators start it: a process that becomes gunicorn."""
    port = servers.free_port()
    env = {**os.environ, "PORT": str(port), "INSTANCE_PATH": str(instance), "DEMO": "0"}
    with (instance / "server.log").open("ab") as log:
        command = [sys.executable, "-m", "flask", "--app", "app.py", "serve"]
        process = subprocess.Popen(command, cwd=servers.ROOT, env=env, stdout=log, stderr=log, start_new_session=True)
    server = servers.Server(instance, port, {}, process)
    try:
        server.wait_until_ready()
        yield server
    finally:
        if process.poll() is None:
            server.stop(signal.SIGKILL)


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class Writer(threading.Thread):
    """ana at work: messages, one after the other, and now and then another picture."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.visitor = Visitor(url).log_in(ANA, PASSWORD)
        self.written, self.is_done, self.failure = 0, threading.Event(), ""

    def run(self) -> None:
        while not self.is_done.is_set() and not self.failure:
            number = self.written + 1
            try:
                answer = self.visitor.post("/messages/1", {"text": f"Number {number}", "client_id": f"written-{number}"})
                if answer.status == 200 and number % 5 == 0:
                    answer = self.show_another_picture(number)
            except OSError as error:
                self.failure = repr(error)
                break
            self.failure = "" if answer.status == 200 else f"{answer.status} {answer.text[:500]}"
            self.written = number

    def show_another_picture(self, number: int) -> Answer:
        picture = io.BytesIO()
        Image.new("RGB", (60, 60), (number % 250, 90, 90)).save(picture, "PNG")
        head = '--of-it\r\nContent-Disposition: form-data; name="avatar"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
        token = f'\r\n--of-it\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{self.visitor.csrf}\r\n--of-it--\r\n'
        body = head.encode() + picture.getvalue() + token.encode()
        asked = urllib.request.Request(f"{self.visitor.url}/profile/avatar", body, {"Content-Type": "multipart/form-data; boundary=of-it"})
        with self.visitor._opener.open(asked, timeout=PATIENCE_SECONDS) as response:
            return Answer(response.status, response.read().decode(), response.headers, response.url)

    def has_written(self, number: int) -> None:
        give_up = time.monotonic() + PATIENCE_SECONDS
        while self.written < number:
            assert not self.failure, self.failure
            assert time.monotonic() < give_up, self.written
            time.sleep(0.02)


# While members write.


def test_members_write_on_while_a_backup_is_made_and_all_of_it_fits_together(inhabited: Path, tmp_path: Path) -> None:
    file, elsewhere = inhabited / "backups" / "duet-now.tar", tmp_path / "elsewhere"
    file.parent.mkdir()
    with servers.duet(inhabited, DUET_RATELIMIT_ENABLED="false") as server:
        writer = Writer(server.url)
        writer.start()
        writer.has_written(10)
        before = writer.written
        done(flask(inhabited, "backup", file))
        during = writer.written - before
        assert "has this instance's database open" in refusal(flask(inhabited, "restore", file, "--replace")), "and nobody restores under a running server"
        writer.has_written(before + during + 5)
        writer.is_done.set()
        writer.join()
    assert not writer.failure
    assert during > 0

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "Everybody has to log in again" in done(flask(elsewhere, "restore", file))
    with closing(sqlite3.connect(elsewhere / DATABASE)) as database:
        numbers = [number for (number,) in database.execute("SELECT number FROM messages ORDER BY number")]
        assert numbers == list(range(1, len(numbers) + 1))
        assert before < len(numbers) <= writer.written + 1
        assert database.execute("SELECT last_number FROM conversations").fetchall() == [(len(numbers),)]
        ((avatar,),) = database.execute("SELECT avatar FROM profiles WHERE avatar IS NOT NULL")
    assert (elsewhere / "secret").read_text() == (inhabited / "secret").read_text()
    with served(elsewhere) as server:
        bo = Visitor(server.url).log_in(BO, PASSWORD)
        assert avatar in bo.get("/profiles/1").text
        with bo._opener.open(f"{server.url}/avatars/{avatar}-96.webp", timeout=PATIENCE_SECONDS) as picture:
            assert picture.read(4) == b"RIFF"
        assert "a server, or a backup, is using this instance" in refusal(flask(elsewhere, "restore", file, "--replace"))


def test_a_page_that_has_seen_what_came_after_the_backup_comes_right(inhabited: Path) -> None:
    with servers.duet(inhabited) as server:
        done(flask(inhabited, "backup"))
        ana, bo = (Visitor(server.url).log_in(email, PASSWORD) for email in (ANA, BO))
        for headline in ("Boats", "Boats, mostly", "Nothing but boats"):
            assert ana.patch("/profile", {"headline": headline, "base": 100}).status == 200
        assert ana.post("/messages/1", {"text": "Did you see?", "client_id": "of-later-1"}).status == 200
        subjects = ("profile:1", "match:1", "request:1", "conversation:1", "conversations", "requests", "notifications", "deck", "me")
        assert bo.watch("", *subjects).json["gone"] == []
        seen = bo.watch("", *(f"{subject}@0" for subject in subjects)).json["stale"]
        base = seen["profile:1"]
    (file,) = (inhabited / "backups").iterdir()

    assert "--replace" in refusal(flask(inhabited, "restore", file))
    assert "before-restore-" in done(flask(inhabited, "restore", file, "--replace"))

    (aside,) = inhabited.glob("before-restore-*")
    assert kept(aside) == [DATABASE, "media", "secret"]
    with closing(sqlite3.connect(aside / DATABASE)) as database:
        assert database.execute("SELECT headline FROM profiles WHERE id = 1").fetchone() == ("Nothing but boats",)
    assert not list(inhabited.glob(f"{STAGING}*"))
    server.start()
    try:
        assert ana.send("POST", "/live/watch", {"subjects": "me@1"}).status in (400, 401), "a session from before opens nothing"
        ana.cookies.clear()
        bo.cookies.clear()
        ana.log_in(ANA, PASSWORD)
        bo.log_in(BO, PASSWORD)
        now = bo.watch("", *(f"{subject}@{seen.get(subject, 0) + 50}" for subject in subjects)).json
        assert now["gone"] == []
        assert now["stale"].keys() == set(subjects), "all that it showed is to be fetched anew, though it had come further"
        assert bo.listen(f"profile:1@{base}").next("profile:1").data["v"] > base
        conflict = ana.patch("/profile", {"headline": "Nothing but boats, really", "base": base})
        assert conflict.status == 409, "what was typed over what is lost is asked about, not put over what stands"
    finally:
        server.stop(signal.SIGKILL)


def test_every_subject_stands_far_ahead_once_renewed(app: Flask, cast: People, as_user: Callable[[Account], Any]) -> None:
    for account in (cast.ana, cast.bo):
        as_user(account)
    cast.ana.profile.revise({"headline": "Boats"}, base=1)
    Request.send(cast.ana, cast.bo.profile, {"what": "A film"}).answer(cast.bo, accept=True)
    db.session.commit()
    subjects = {viewer.id: [Subject(name, NO_ID if name in own_subjects | {"me", "deck"} else 1) for name in KINDS] for viewer in (cast.ana, cast.bo)}
    subjects[cast.ana.id] = [Subject(subject.kind, subject.id and 2) for subject in subjects[cast.ana.id]]
    nobody_asked = [Subject("request", cast.cy.profile.id)]

    def standing() -> dict[tuple[int, Subject], int]:
        found: dict[tuple[int, Subject], int] = {}
        for viewer in (cast.ana, cast.bo):
            found |= {(viewer.id, subject): version for subject, version in current_versions(viewer, subjects[viewer.id] + nobody_asked).items()}
        return found

    before, edited = standing(), db.session.execute(select(Edit.version, Edit.field)).all()
    assert len(before) > 20
    new_id = cast.cy.id
    renew()
    db.session.expire_all()
    renew()  # twice does no harm
    db.session.expire_all()

    after = standing()
    assert after.keys() == before.keys()
    for known, version in after.items():
        assert version >= before[known] + 2 * RENEWED_BY or known[1].kind == "typing", known
    profile = cast.ana.profile
    assert db.session.execute(select(Edit.version, Edit.field)).all() == [(version + 2 * RENEWED_BY, name) for version, name in edited]
    assert profile.changed_at_version["headline"] == profile.version
    assert profile.changed_at_version["bio"] >= RENEWED_BY, "it may have changed meanwhile"
    assert db.session.scalar(select(func.count()).select_from(LoginSession)) == 0
    assert db.session.scalar(select(func.count()).select_from(Announcement)) == 0
    newcomer = add_account("newcomer@example.com", "creator")
    db.session.commit()
    assert newcomer.id > new_id + 100_000, "no number is given out a second time"
    asked = Request.send(cast.cy, cast.bo.profile, {"what": "A picture"})
    assert asked.version > after[cast.bo.id, nobody_asked[0]]


# What is refused.


def test_a_disk_without_room_leaves_nothing_behind(inhabited: Path, taken: Path, tmp_path: Path) -> None:
    file = tmp_path / "out" / "duet.tar"
    file.parent.mkdir()
    assert "no backup was made" in refusal(flask(inhabited, "backup", file, most_bytes=1_000_000))
    assert kept(file.parent) == []

    before = kept(inhabited)
    assert "nothing was restored" in refusal(flask(inhabited, "restore", taken, "--replace", most_bytes=1_000_000))
    assert kept(inhabited) == sorted({*before, "lock"})


def test_a_backup_takes_no_name_that_is_taken_and_keeps_the_newest(inhabited: Path, tmp_path: Path) -> None:
    with app_on(inhabited) as app:
        run = app.test_cli_runner().invoke
        folder = inhabited / "backups"
        folder.mkdir()
        for old in ("duet-20200101-000000.tar", "duet-20210101-000000.tar", "mine.tar"):
            (folder / old).write_text("an old one")

        assert "exists already" in run(args=["backup", str(folder / "mine.tar")]).stderr
        assert "No such file" in run(args=["backup", str(tmp_path / "nowhere" / "a.tar")]).stderr
        assert run(args=["backup", "--keep", "2"]).exit_code == 0

        names = kept(folder)
    assert len(names) == 3
    assert names[0] == "duet-20210101-000000.tar"
    assert names[2] == "mine.tar"


def broken_off(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def without_an_end(file: Path) -> None:
    rewrite(file, lambda name, content: None if name == MANIFEST else content)


def one_byte_different(file: Path) -> None:
    content = bytearray(file.read_bytes())
    at = content.index(b"About street food")
    content[at] = ord("B")
    file.write_bytes(content)


def with_a_path(file: Path) -> None:
    with tarfile.open(file, "a") as tar:
        tar.addfile(tarfile.TarInfo("../elsewhere"), io.BytesIO())


def with_a_link(file: Path) -> None:
    with tarfile.open(file, "a") as tar:
        link = tarfile.TarInfo("media/00/00000000000000000000000000000000-48.webp")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)


def another_file(file: Path) -> None:
    file.write_bytes(b"not a backup at all" * 1_000)


def missing(file: Path) -> None:
    file.unlink()


def with_a_broken_database(file: Path) -> None:
    """And with the digest that belongs to it."""
    rewrite(file, lambda name, content: content[:40_960] + b"\xff" * 8_192 + content[49_152:] if name == DATABASE else content)


def of_a_newer_duet(file: Path) -> None:
    path = file.with_suffix(".sqlite3")

    def later(name: str, content: bytes) -> bytes:
        if name != DATABASE:
            return content
        path.write_bytes(content)
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("UPDATE alembic_version SET version_num = '9999'")
        return path.read_bytes()

    rewrite(file, later)


def rewrite(file: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    with tarfile.open(file) as tar:
        contents = {info.name: (tar.extractfile(info) or io.BytesIO()).read() for info in tar}
    manifest = json.loads(contents.pop(MANIFEST))
    changed = {name: after for name, content in contents.items() if (after := change(name, content)) is not None}
    manifest["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in changed.items()}
    if (said := change(MANIFEST, json.dumps(manifest).encode())) is not None:
        changed[MANIFEST] = said
    with tarfile.open(file, "w") as tar:
        for name, content in changed.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


DAMAGES: dict[Callable[[Path], None], str] = {
    broken_off: "damaged", without_an_end: "its end is missing", one_byte_different: "is not what it was", with_a_path: "does not belong",
    with_a_link: "does not belong", another_file: "no backup", missing: "is not there", with_a_broken_database: "broken", of_a_newer_duet: "newer Duet",
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_file_that_is_not_whole_is_refused_before_anything_is_touched(damage: Callable[[Path], None], taken: Path, here: FlaskCliRunner, tmp_path: Path) -> None:
    file = Path(shutil.copy(taken, tmp_path / "copy.tar"))
    damage(file)

    ended = here.invoke(args=["restore", str(file)])

    assert ended.exit_code == 1, ended.output
    assert len(ended.stderr.splitlines()) == 1
    assert DAMAGES[damage] in ended.stderr
    assert set(kept(tmp_path / "here")) <= {"secret", "lock"}
    assert not (tmp_path / "elsewhere").exists()


def test_a_restore_that_is_killed_leaves_the_old_or_ends_at_the_next_start(inhabited: Path, taken: Path) -> None:
    """Killed at each of its renames: what is decided is done by whoever comes next."""
    shutil.copy(inhabited / DATABASE, kept_aside := inhabited.parent / "old.sqlite3")
    for moment in range(1, 9):
        with app_on(inhabited) as app, app.app_context():
            staging = inhabited / f"{STAGING}one"
            staging.mkdir()
            manifest = backups.unpack(taken, staging)
            assert manifest.counts["accounts"] == 3
            (staging / "media" / f"{moment}").touch()
            backups.decide(inhabited, staging)
            renames = itertools.count(1)
            rename = Path.rename

            def or_be_killed(path: Path, target: Path, rename: Any = rename, renames: Any = renames, moment: int = moment) -> Path:
                if next(renames) == moment:
                    raise KeyboardInterrupt
                return rename(path, target)

            with pytest.MonkeyPatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
                patch.setattr(Path, "rename", or_be_killed)
                backups.finish(inhabited)
            assert (inhabited / "secret").exists()

            backups.finish(inhabited)

        assert (inhabited / "media" / f"{moment}").exists()
        assert not (inhabited / PLAN).exists()
        assert not list(inhabited.glob(f"{STAGING}*"))
    found = [path.read_bytes() for path in inhabited.glob(f"before-restore-*/{DATABASE}*")]
    assert kept_aside.read_bytes() in found, "nothing was deleted"


def test_other_databases_have_their_own_ways(postgres: Callable[[], str], tmp_path: Path) -> None:
    with app_on(tmp_path / "instance", {"DATABASE_URL": postgres()}) as app:
        for command in (["backup"], ["restore", "some.tar"]):
            ended = app.test_cli_runner().invoke(args=command)
            assert ended.exit_code == 1
            assert "pg_dump" in ended.stderr
            assert "flask restored" in ended.stderr
            assert len(ended.stderr.splitlines()) == 1
        assert app.test_cli_runner().invoke(args=["restored"]).exit_code == 0
