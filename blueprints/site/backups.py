"""``flask backup`` and ``flask restore``: all of an embedded instance in one file, taken while members write, and put back whole.

A restore does everything that may fail in a folder of its own: unpacking, checking, migrating, renewing. What is left are a few renames, and these
are written down before the first of them: whoever is interrupted there goes on at the next ``flask serve`` or ``flask restore``.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

import click
from alembic.script import ScriptDirectory
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from blueprints.extensions import db, utc_now
from blueprints.site.refusals import Refusal
from blueprints.site.renewing import renew
from blueprints.site.setup import prepare_database

FORMAT = 1
DATABASE, MEDIA, SECRET, MANIFEST = "duet.sqlite3", "media", "secret", "manifest.json"
PICTURE = re.compile(r"media/[0-9a-f]{2}/[0-9a-f]{32}-[0-9]{1,4}\.webp")
LOCK, PLAN, STAGING = "lock", "restoring.json", ".restoring-"
LOCK_WAIT_SECONDS = 30
CHUNK = 1024 * 1024

OTHER_DATABASE = (
    "this instance is not on SQLite: use pg_dump -Fc and then copy {media}. "
    "To go back: pg_restore, the folder, flask restored. See the README, For operators."
)


@dataclass
class Manifest:
    """What a backup says of itself: the last file in it, so that one that broke off has none."""

    made_at: str
    revision: str  # of the migrations
    counts: dict[str, int]
    files: dict[str, str] = field(default_factory=dict)  # name → SHA-256
    format: int = FORMAT

    @property
    def held(self) -> str:
        pictures = sum(name.startswith(f"{MEDIA}/") for name in self.files)
        return ", ".join([*(f"{number:,} {what}" for what, number in self.counts.items()), f"{pictures:,} picture files"])


# Taking one.


@click.command("backup")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--keep", type=click.IntRange(1), help="Afterwards, delete all but the newest so many in the default folder.")
@with_appcontext
def backup_command(file: Path | None, keep: int | None) -> None:
    """Put the database, the pictures and the secret into one FILE (by default instance/backups/duet-<UTC time>.tar); members go on writing."""
    instance, database = embedded()
    if file and keep:
        raise Refusal("--keep counts the files of the default folder: leave FILE away.")
    folder = instance / "backups"
    target = file or folder / f"duet-{utc_now():%Y%m%d-%H%M%S}.tar"
    try:
        with ending_cleanly(), held(instance, fcntl.LOCK_SH):
            if not file:
                folder.mkdir(mode=0o700, exist_ok=True)
            manifest = take(target, instance, database, current_app.config["MEDIA_PATH"])
        size = target.stat().st_size
        for old in sorted(folder.glob("duet-*.tar"))[:-keep] if keep else []:
            old.unlink()
            click.echo(f"{old.name} deleted")
    except (OSError, sqlite3.Error) as error:
        raise Refusal(f"no backup was made: {reason(error)}.") from error
    click.echo(f"{target}: {manifest.held}; {size / 1e6:,.1f} MB. Keep it as safe as the instance itself: it holds the secret.")


def take(target: Path, instance: Path, database: Path, media: Path) -> Manifest:
    """All or nothing: until it is complete and on the disk it has another name."""
    if os.path.lexists(target):
        raise Refusal(f"{target} exists already. Choose another name.")
    if not database.exists():
        raise Refusal("there is no database here to back up.")
    draft = Path(tempfile.mkdtemp(prefix=".backup-", dir=target.parent))
    try:
        manifest = snapshot(database, draft / DATABASE)
        whole = draft / "whole.tar"
        with open(whole, "xb", opener=private) as out, tarfile.open(fileobj=out, mode="w") as tar:
            manifest.files[DATABASE] = put(tar, DATABASE, draft / DATABASE)
            for picture in sorted(media.glob("??/*.webp")):  # later than the database: a picture is stored before its profile says so, and for ever
                name = f"{MEDIA}/{picture.parent.name}/{picture.name}"
                if PICTURE.fullmatch(name):
                    manifest.files[name] = put(tar, name, picture)
            if (instance / SECRET).exists():  # else it is in the environment
                manifest.files[SECRET] = put(tar, SECRET, instance / SECRET)
            (draft / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1))
            put(tar, MANIFEST, draft / MANIFEST)
            tar.close()
            out.flush()
            os.fsync(out.fileno())
        if os.path.lexists(target):
            raise Refusal(f"{target} exists already. Choose another name.")
        whole.rename(target)
        sync(target.parent)
        return manifest
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def snapshot(database: Path, copy: Path) -> Manifest:
    """The database as it stands at this moment, and what is in it.

    VACUUM INTO reads in one transaction, which in WAL mode holds up no writer. The backup API would begin anew with each write of the server's, or,
    in a single step, do the same and carry along what members deleted.
    """
    with open(copy, "xb", opener=private):
        pass  # SQLite fills an empty file, and this one is ours alone
    with closing(connect(database)) as live:
        live.execute("VACUUM INTO ?", (str(copy),))
    with closing(connect(copy)) as taken:
        check(taken)
        counts = {what: taken.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for what, table in (("accounts", "accounts"), ("messages", "messages"))}
        return Manifest(utc_now().isoformat(timespec="seconds"), revision_of(taken), counts)


class Digested:
    """A file to be read once, of which one wants to know the SHA-256 afterwards."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.sha = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size)
        self.sha.update(data)
        return data


def put(tar: tarfile.TarFile, name: str, path: Path) -> str:
    with path.open("rb") as file:
        info = tarfile.TarInfo(name)
        about = os.fstat(file.fileno())
        info.size, info.mtime, info.mode = about.st_size, int(about.st_mtime), 0o600
        read = Digested(file)
        tar.addfile(info, read)  # type: ignore[arg-type]
        return read.sha.hexdigest()


# Putting one back.


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Also where members have accounts. What is there now is moved aside, not deleted.")
@with_appcontext
def restore_command(file: Path, replace: bool) -> None:
    """Put FILE, made by flask backup, in the place of this instance's database and pictures. No server may be running on it."""
    instance, database = embedded()
    if database != (instance / DATABASE).resolve():
        raise Refusal(f"only the database in the instance folder can be restored, and DATABASE_URL names {database}.")
    try:
        with ending_cleanly(), held(instance, fcntl.LOCK_EX):
            if finish(instance):
                raise Refusal("an earlier restore had been interrupted and is complete now. Look whether this one is still needed.")
            if not replace and members(database):
                raise Refusal("members have accounts here. With --replace their database and pictures are moved aside and replaced.")
            staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=instance))
            try:
                manifest = unpack(file, staging)
                bring_up_to_date(staging)
                nobody_has_it_open(database)
                aside = decide(instance, staging)
            except BaseException:
                if not (instance / PLAN).exists():
                    shutil.rmtree(staging, ignore_errors=True)
                raise
            finish(instance)
    except (OSError, sqlite3.Error) as error:
        raise Refusal(f"nothing was restored: {reason(error)}.") from error
    click.echo(f"Restored from {file}, made {manifest.made_at}: {manifest.held}. Everybody has to log in again.")
    if aside.exists():
        click.echo(f"What was here before is in {aside}.")


def unpack(file: Path, staging: Path) -> Manifest:
    """Into ``staging``, and only what belongs there: nothing of what it says of itself is believed before it was checked."""
    try:
        digests: dict[str, str] = {}
        with tarfile.open(file, mode="r:") as tar:
            for info in tar:
                known = info.name in (DATABASE, SECRET, MANIFEST) or PICTURE.fullmatch(info.name)
                if not known or info.name in digests or info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or info.issparse():
                    raise ValueError(f"it holds {info.name!r}, which does not belong there")
                content = tar.extractfile(info)
                assert content
                digests[info.name] = write(staging / info.name, content)  # type: ignore[arg-type]
        manifest = read_manifest(staging / MANIFEST)
        del digests[MANIFEST]
        if manifest.files != digests or DATABASE not in digests:
            wrong = sorted({name for name, _ in manifest.files.items() ^ digests.items()} or {DATABASE})
            raise ValueError(f"{wrong[0]} is not what it was")
        with closing(connect(staging / DATABASE)) as copy:
            check(copy)
            revision = revision_of(copy)
    except FileNotFoundError as error:
        raise Refusal(f"{file} is not there." if not file.exists() else f"{file} is no whole backup of Duet: its end is missing.") from error
    except (tarfile.TarError, EOFError, ValueError, TypeError, KeyError, AttributeError, RecursionError, sqlite3.DatabaseError) as error:
        if isinstance(error, sqlite3.OperationalError):  # the disk, not the file
            raise
        raise Refusal(f"{file} is no backup of Duet, or a damaged one: {reason(error)}.") from error
    if revision not in {known.revision for known in ScriptDirectory(str(current_app.config["MIGRATIONS"])).walk_revisions()}:
        raise Refusal(f"{file} was made by a newer Duet (its database is at {revision!r}). Upgrade first.")
    (staging / MEDIA).mkdir(mode=0o700, exist_ok=True)
    (staging / MANIFEST).unlink()
    return manifest


def write(path: Path, content: BinaryIO) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    read = Digested(content)
    with open(path, "xb", opener=private) as out:
        while chunk := read.read(CHUNK):
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    return read.sha.hexdigest()


def read_manifest(path: Path) -> Manifest:
    said = json.loads(path.read_bytes())
    if said["format"] != FORMAT:
        raise ValueError("another version of Duet wrote it")
    manifest = Manifest(**said)
    if not isinstance(manifest.files, dict) or not all(isinstance(number, int) for number in manifest.counts.values()):
        raise ValueError("its manifest is not one")
    return manifest


def bring_up_to_date(staging: Path) -> None:
    """Migrate and renew it where it lies, by the same command as any other database: in a process whose instance this folder is."""
    env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    env |= {"INSTANCE_PATH": str(staging), "SECRET_KEY": "needed by nothing here"}  # so that it makes none of its own
    command = [sys.executable, "-m", "flask", "--app", str(Path(current_app.root_path) / "app.py"), "restored"]
    ended = subprocess.run(command, cwd=current_app.root_path, env=env, capture_output=True, text=True, check=False)
    if ended.returncode:
        said = ended.stderr.strip().splitlines() or ["it ended without a word"]
        raise Refusal(f"nothing was restored: the database could not be brought up to date ({said[-1].removeprefix('duet: ')}).")
    with closing(connect(staging / DATABASE)) as copy:
        copy.execute("PRAGMA journal_mode = DELETE")  # all of it in the one file
        check(copy)
    sync(staging / DATABASE)


def nobody_has_it_open(database: Path) -> None:
    """Another process that has the database open without holding our lock would write on into what was moved aside. SQLite knows of it:
    it leaves its write-ahead log only for whoever is alone."""
    db.session.remove()
    db.engine.dispose()
    if not database.exists():
        return
    try:
        with closing(connect(database, wait=1)) as present:
            present.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise Refusal("another process has this instance's database open. Stop it first.") from error
        raise
    except sqlite3.DatabaseError:
        pass  # too broken to open: then nobody uses it either


def decide(instance: Path, staging: Path) -> Path:
    """Write down what is about to be moved. From here on the restored one is this instance's, whatever happens."""
    for folder, _, _ in os.walk(staging):
        sync(Path(folder))
    aside = instance / f"before-restore-{utc_now():%Y%m%d-%H%M%S}"
    draft = staging / PLAN
    draft.write_text(json.dumps({"from": staging.name, "aside": aside.name}))
    sync(draft)
    draft.rename(instance / PLAN)
    sync(instance)
    return aside


def finish(instance: Path) -> bool:
    """Do what ``decide`` wrote down, from wherever it was left; whether there was something. Whoever calls holds the instance."""
    plan = instance / PLAN
    if not plan.exists():
        for left in instance.glob(f"{STAGING}*"):  # of one that was killed before it had decided anything
            shutil.rmtree(left, ignore_errors=True)
        return False
    said = json.loads(plan.read_text())
    staging, aside = instance / said["from"], instance / said["aside"]
    for name in (DATABASE, MEDIA):
        if (staging / name).exists():
            for old in (name, *(f"{name}-{part}" for part in ("wal", "shm", "journal"))):
                move_aside(instance / old, aside)
            (staging / name).rename(instance / name)
    if (staging / SECRET).exists():
        if (instance / SECRET).exists() and not (aside / SECRET).exists():
            aside.mkdir(mode=0o700, exist_ok=True)
            shutil.copy2(instance / SECRET, aside / SECRET)
        (staging / SECRET).replace(instance / SECRET)  # never without one: every start would make another
    sync(instance)
    plan.unlink()
    shutil.rmtree(staging, ignore_errors=True)
    sync(instance)
    return True


def move_aside(path: Path, folder: Path) -> None:
    if path.exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        free = folder / path.name
        while free.exists():  # interrupted, and then a command began an empty one
            free = free.with_name(f"{free.name}.later")
        path.rename(free)


@click.command("restored")
@with_appcontext
def restored_command() -> None:
    """Run this after pg_restore, and before the servers start: open pages know newer versions, and log-ins that were ended must not come back."""
    with held(current_app.config["INSTANCE_PATH"], fcntl.LOCK_EX):
        try:
            prepare_database()
            renew()
            db.session.remove()
            db.engine.dispose()
        except SQLAlchemyError as error:
            raise Refusal(f"the database cannot be used: {str(error).splitlines()[0]}") from error
    click.echo("The database is ready. Everybody has to log in again.")


# Who uses the instance.


@contextmanager
def held(instance: Path, how: int) -> Iterator[None]:
    descriptor = os.open(instance / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        lock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def lock(descriptor: int, how: int) -> None:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError as error:
        busy = "a restore is under way in this instance" if how == fcntl.LOCK_SH else "a server, or a backup, is using this instance. Stop it first"
        raise Refusal(f"{busy}.") from error


def hold_for_server(instance: Path) -> None:
    """For as long as this process, or any that it becomes or forks, is alive: nobody restores meanwhile. Completes a restore that was interrupted."""
    descriptor = os.open(instance / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(descriptor, True)
    with suppress(Refusal):  # another server is here already, which has looked
        lock(descriptor, fcntl.LOCK_EX)
        if finish(instance):
            click.echo("duet: a restore had been interrupted, and is complete now.", err=True)
            if not os.environ.get("SECRET_KEY"):
                current_app.config["SECRET_KEY"] = (instance / SECRET).read_text().strip()
    lock(descriptor, fcntl.LOCK_SH)


# Small things.


@contextmanager
def ending_cleanly() -> Iterator[None]:
    """A supervisor's SIGTERM leaves no more behind than Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def embedded() -> tuple[Path, Path]:
    """The instance folder and its SQLite file; a refusal where the database is another."""
    if db.engine.dialect.name != "sqlite":
        raise Refusal(OTHER_DATABASE.format(media=current_app.config["MEDIA_PATH"]))
    return current_app.config["INSTANCE_PATH"], Path(db.engine.url.database or "").resolve()


def connect(path: Path, wait: float = LOCK_WAIT_SECONDS) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=wait, isolation_level=None)


def check(connection: sqlite3.Connection) -> None:
    wrong = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if wrong != "ok":
        raise sqlite3.DatabaseError(f"its database is broken ({wrong})")
    if dangling := connection.execute("PRAGMA foreign_key_check").fetchone():
        raise sqlite3.DatabaseError(f"its database is broken (a row of {dangling[0]} belongs to nothing)")


def revision_of(connection: sqlite3.Connection) -> str:
    return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def members(database: Path) -> bool:
    """Whether anybody has an account; one that cannot be read may hold some."""
    if not database.exists():
        return False
    try:
        with closing(connect(database)) as present:
            if not present.execute("SELECT 1 FROM sqlite_master WHERE name = 'accounts'").fetchone():
                return False
            return bool(present.execute("SELECT EXISTS (SELECT 1 FROM accounts)").fetchone()[0])
    except sqlite3.DatabaseError:
        return True


def private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def sync(path: Path) -> None:
    """Until it is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def reason(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split()) or type(error).__name__
    name = getattr(error, "filename", None)
    return f"{said} ({name})" if name else said
