"""Real servers, real connections, and everything that can go wrong with them while members edit and watch.

Afterwards every edit that was acknowledged is there, every open page reads as a reload shows it, and nobody heard what they may not see.
Each run prints its seed. Another, or a longer one:

    SEED=7 FAULTS=2000 make test ARGS=tests/faults
"""

import asyncio
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from blueprints.extensions import db
from blueprints.matches.models import Mark
from blueprints.messages.models import Conversation, Message
from blueprints.profiles.blocks import Block
from blueprints.profiles.history import Edit
from blueprints.profiles.models import Profile
from blueprints.requests.models import Request
from tests import servers
from tests.conftest import PASSWORD, add_account, app_on
from tests.faults import witness
from tests.faults.device import Device, Tab
from tests.faults.people import ANSWERS, TEXTS, Member, Person, World
from tests.faults.proxy import Proxy
from tests.faults.weather import Weather

SEED = int(os.environ.get("SEED", "1"))
FAULTS = int(os.environ.get("FAULTS", "220")) // 2  # half of them in each way of running
OF_EACH_ROLE = 4
DEVICES = 2
TABS = 2
ALL_WITHIN = 120.0  # far more than it takes, even on a machine that does other things: who is not right by then never will be
UNDER_WAY = {"embedded": 4, "scaled out": 7}  # seconds, and heartbeats, in which a notice may still arrive of what one may no longer see

ENV = {
    "LIVE_HEARTBEAT_SECONDS": "1",
    "DUET_MESSAGE_LIMIT": "100000/minute",
    "DUET_LOGIN_LIMIT_PER_ADDRESS": "100000/minute",
}


@dataclass
class Place:
    """Where it happens: a server, and what it stands on."""

    way: str
    server: servers.Server
    database: dict[str, str]
    redis: servers.Redis | None = None
    postgres: str | None = None


@pytest.fixture
def places(prepared: Path, tmp_path: Path, postgres: Callable[[], str]) -> Iterator[list[Place]]:
    url = postgres()
    with servers.redis_server(tmp_path) as redis:
        named = f"{url}{'&' if '?' in url else '?'}application_name=duet-faults"
        several = {"DATABASE_URL": named, "REDIS_URL": redis.url, "WEB_CONCURRENCY": "2"}
        one, other = (servers.Server(Path(shutil.copytree(prepared, tmp_path / str(n))), servers.free_port(), ENV | env) for n, env in enumerate(({}, several)))
        yield [Place("embedded", one, {}), Place("scaled out", other, {"DATABASE_URL": url}, redis, url.replace("+psycopg", "", 1))]


def world_of(place: Place) -> World:
    """Four creators and four brands. The first two of each are connected with each other, and talk; the others deal with each other, and fall out."""
    with app_on(place.server.instance, place.database) as app, app.app_context():
        accounts = {}
        for n in range(OF_EACH_ROLE):
            accounts["creator", n] = add_account(f"creator{n}@example.com", "creator", name=f"Creator {n}", niches=frozenset({"food"}), rate=900, audience_size=48_000)
            accounts["brand", n] = add_account(f"brand{n}@example.com", "brand", name=f"Brand {n}", niches=frozenset({"food"}), budget_min=500, budget_max=2_000)
        db.session.commit()
        members = {key: Member(account.id, account.profile.id, account.role, account.email) for key, account in accounts.items()}
        friends: dict[int, list[Member]] = {member.id: [] for member in members.values()}
        strangers: dict[int, list[Member]] = {member.id: [] for member in members.values()}
        for c in range(OF_EACH_ROLE):
            for b in range(OF_EACH_ROLE):
                are_friends = c < 2 and b < 2
                for me, them in ((members["creator", c], members["brand", b]), (members["brand", b], members["creator", c])):
                    if are_friends or min(c, b) >= 2:
                        (friends if are_friends else strangers)[me.id].append(them)
                if are_friends:
                    Request.send(accounts["brand", b], accounts["creator", c].profile, {"what": "Let us work together."}).answer(accounts["creator", c], accept=True)
        db.session.commit()
        conversations = {(min(c.creator_id, c.brand_id), max(c.creator_id, c.brand_id)): c.id for c in db.session.scalars(select(Conversation))}
        return World(list(members.values()), friends, strangers, conversations, random.Random(SEED))


def test_whatever_fails_no_edit_is_lost_and_every_page_comes_right(places: list[Place], capsys: pytest.CaptureFixture[str]) -> None:
    """Both ways of running at the same time: most of it is waiting."""
    runs = [Run(place, world_of(place)) for place in places]
    try:
        asyncio.run(all_of(runs))
    finally:
        for place in places:
            if place.server.process and place.server.process.poll() is None:
                place.server.stop(servers.signal.SIGKILL)
    for run in runs:
        run.judge()
    with capsys.disabled():
        print("", *(run.told() for run in runs), sep="\n")

    for run in runs:
        where = f"seed {SEED}, {run.place.way}"
        assert not run.wrong, "\n".join([f"{where}: {len(run.wrong)} things are wrong", *run.wrong[:40], "", run.place.server.log[-6_000:]])
        assert run.weather.happened.total() >= FAULTS, f"{where}: too few faults: nothing was tried"
        assert run.saved() >= FAULTS // 12, f"{where}: too few edits: nothing was tried"


async def all_of(runs: "list[Run]") -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(50))  # whoever holds a lock sits in one
    async with asyncio.TaskGroup() as group:
        for run in runs:
            group.create_task(run.through())


class Run:
    """One time through."""

    def __init__(self, place: Place, world: World) -> None:
        self.place, self.world = place, world
        self.devices: list[Device] = []
        self.of: dict[str, Member] = {}
        self.wrong: list[str] = []
        self.began = time.monotonic()

    async def through(self) -> None:
        await asyncio.to_thread(self.place.server.start)
        async with Proxy(self.place.server.port) as proxy:
            self.weather = Weather(self.place.server, proxy, random.Random(f"{SEED} {self.place.way}"), self.place.redis, self.place.postgres)
            people = [self._person(member, n, proxy.port) for member in self.world.members for n in range(DEVICES)]
            try:
                for n in range(DEVICES):
                    await asyncio.gather(*(device.log_in(PASSWORD) for device in self.devices[n::DEVICES]))
                for person in people:
                    person.device.tabs = [Tab(person.device) for _ in range(TABS)]
                    for tab in person.device.tabs:
                        assert await tab.open(person.some_page())
                    person.device.spawn(person.device.stay_connected())
                living = [asyncio.create_task(person.live()) for person in people]
                await self.weather.blow(FAULTS, within=max(ALL_WITHIN, FAULTS))
                self.calm = time.monotonic()
                give_up = self.calm + ALL_WITHIN
                while any(device.word != "live" for device in self.devices) and time.monotonic() < give_up:
                    await asyncio.sleep(0.1)
                while self.saved() < FAULTS // 8 and time.monotonic() < give_up:
                    await asyncio.sleep(0.1)  # a slow machine: something has to have been tried
                self.world.over = True
                await self._end(living)
                await self._come_right(people)
            finally:
                for device in self.devices:
                    await device.close()

    def saved(self) -> int:
        return sum(bool(deed.saved) for deed in self.world.deeds)

    def _person(self, member: Member, n: int, port: int) -> Person:
        chance = random.Random(f"{SEED} {member.email} {n}")
        device = Device(port, f"{member.email.partition('@')[0]} on device {n + 1}", member.email, chance)
        self.devices.append(device)
        self.of[device.name] = member
        return Person(self.world, member, device, chance.randrange(1 << 30))

    async def _end(self, living: list[asyncio.Task[None]]) -> None:
        """Everybody gets the final answer to what they asked for."""
        _done, waiting = await asyncio.wait(living, timeout=ALL_WITHIN)
        for task in waiting:
            task.cancel()
        for result in await asyncio.gather(*living, return_exceptions=True):
            if isinstance(result, BaseException):
                self.wrong.append(f"somebody never got an answer, or broke off: {result!r}")
        self.answered = time.monotonic()

    async def _come_right(self, people: list[Person]) -> None:
        give_up = time.monotonic() + ALL_WITHIN
        behind = await self._behind(give_up)
        self.right = time.monotonic()
        unheard = [words for person in people for words in await self._say_to_all(person, give_up)]
        behind += unheard + await self._behind(give_up)
        self.unconverged: list[str] = []
        for device in self.devices:
            while (differs := await device.differs()) and time.monotonic() < give_up:
                await asyncio.sleep(0.3)
            self.unconverged += differs
        self.compared = time.monotonic()
        self.wrong += behind + self.unconverged

    async def _behind(self, give_up: float) -> list[str]:
        behind: list[str] = []
        for device in self.devices:
            while (found := await device.is_behind()) and time.monotonic() < give_up:
                await asyncio.sleep(0.1)
            behind += found
        return behind

    async def _say_to_all(self, person: Person, give_up: float) -> list[str]:
        """In all this quiet only the bell brings it to the pages: nothing else makes them look."""
        await person.reread()
        await person.edit_texts()
        subject, version = f"profile:{person.me.profile}", self.world.deeds[-1].version
        tabs = [tab for device in self.devices for tab in device.tabs]
        while (deaf := [tab for tab in tabs if tab.shown.get(subject, version) < version]) and time.monotonic() < give_up:
            await asyncio.sleep(0.02)
        return [f"{tab.device.name} {tab.path} was not told that {subject} is at {version}" for tab in deaf]

    # Judging.

    def judge(self) -> None:
        with app_on(self.place.server.instance, self.place.database) as app, app.app_context():
            self.wrong += self._judged()

    def _judged(self) -> list[str]:
        deeds, members = self.world.deeds, self.world.members
        apart = witness.parted(deeds, until=self.compared)
        wrong = [fault for device in self.devices for fault in device.faults]
        wrong += witness.wrong_edits(deeds, self._history(), self._current())
        kept = [
            witness.Kept(message.conversation_id, message.number, message.client_id, message.text, message.sent_at.timestamp())
            for message in db.session.scalars(select(Message).where(Message.conversation_id.in_(self.world.conversations.values())))
        ]
        wrong += witness.wrong_messages(deeds, kept) + witness.wrong_numbers(kept)
        wrong += witness.wrong_requests(deeds, self._requests()) + self._wrong_marks()
        for device in self.devices:
            me = self.of[device.name]
            wrong += witness.wrongly_heard(me, device.told, members, self.world.conversations, apart, device.beats, UNDER_WAY[self.place.way])
            wrong += witness.wrongly_read(me, device.read, members, apart)
        return wrong + [line for line in self.place.server.log.splitlines() if "unexpected error" in line]

    def _history(self) -> list[witness.Row]:
        edits = db.session.scalars(select(Edit))
        self.rows = [witness.Row(edit.profile_id, edit.version, edit.field, edit.before, edit.after, edit.saved_at.timestamp()) for edit in edits]
        return self.rows

    def _current(self) -> dict[tuple[int, str], Any]:
        current: dict[tuple[int, str], Any] = {}
        for profile in db.session.scalars(select(Profile)):
            current |= {(profile.id, name): getattr(profile, name) for name in TEXTS}
            current |= {(profile.id, "niches"): sorted(profile.niches), (profile.id, "links"): list(profile.links)}
        return current

    def _requests(self) -> list[witness.Asked]:
        """Those that began here."""
        here = select(Request).where(Request.what.startswith("ask-"))
        return [witness.Asked(asked.id, asked.sender_id, asked.receiver_id, asked.state, asked.version) for asked in db.session.scalars(here)]

    def _wrong_marks(self) -> list[str]:
        deeds = self.world.deeds
        by_profile = {member.profile: member.id for member in self.world.members}
        saved = {(mark.account_id, by_profile[mark.profile_id]) for mark in db.session.scalars(select(Mark)) if mark.saved_at}
        blocked = {(block.account_id, block.blocked_id) for block in db.session.scalars(select(Block))}
        said = [(witness.last_words(deeds, "save", "unsave"), "save", saved), (witness.last_words(deeds, "block", "unblock"), "block", blocked)]
        return [
            f"account {one} did last {last!r} {other}, which is not so"
            for certain, kind, state in said for (one, other), last in certain.items() if (last == kind) != ((one, other) in state)
        ]  # fmt: skip

    # Telling.

    def told(self) -> str:
        deeds = [deed for deed in self.world.deeds if deed.kind not in ("read",)]
        edits, messages, answers = ([deed for deed in deeds if deed.kind in kinds] for kinds in (("edit",), ("message",), ANSWERS))
        counts: Counter[str] = sum((device.counts for device in self.devices), Counter())
        statuses: Counter[int] = sum((device.statuses for device in self.devices), Counter())
        written = {row.after: row.at for row in self.rows if row.field in TEXTS}
        found_done = [deed for deed in edits if deed.tries > 1 and any(written.get(value, 1e12) < deed.last_try_wall for name, value in deed.values.items() if name in TEXTS)]
        saved = {member.profile: sorted((deed.answered, deed.version) for deed in edits if deed.by == member and deed.saved) for member in self.world.members}
        histories = [tab.history for device in self.devices for tab in device.tabs]
        arrived = witness.times_to_arrive(saved, histories)
        took = witness.times_to_converge(self.weather.ends, saved, histories)
        happened = ", ".join(f"{kind} {times}" for kind, times in self.weather.happened.most_common())
        words = ", ".join(f"{status}: {times}" for status, times in sorted(statuses.items()) if status >= 400)
        at_end = f"all answered {self.answered - self.calm:.1f} s after the last fault, all right {self.right - self.answered:.1f} s later"
        lines = [
            f"faults, {self.place.way}, seed {SEED}: {len(self.devices)} devices, {len(histories)} pages, {self.compared - self.began:.0f} s",
            f"{self.weather.happened.total()} faults: {happened}",
            f"{self.saved()} edits saved, {sum(bool(deed.conflict) for deed in edits)} in conflict; "
            + f"{sum(deed.is_done for deed in messages)} messages; {sum(deed.is_done for deed in answers)} answers to requests; "
            + f"{len(deeds) - len(edits) - len(messages) - len(answers)} other doings",
            f"{sum(deed.tries > 1 for deed in deeds)} operations asked again, {sum(deed.tries - 1 for deed in deeds)} times; {len(found_done)} edits found done already",
            f"{counts['streams opened']} streams opened, {counts['streams lost']} lost; {counts['requests without answer']} requests without answer, "
            + f"{statuses.total()} with: {words}",
            f"an edit was on an open page after p50 {witness.percentile(arrived, 0.5):.2f} s, p95 {witness.percentile(arrived, 0.95):.2f} s; "
            + f"after a fault all pages were right in p50 {witness.percentile(took, 0.5):.2f} s, p95 {witness.percentile(took, 0.95):.2f} s, while others went on; {at_end}",
            f"{len(self.wrong)} things wrong, {len(self.unconverged)} pages unconverged",
        ]
        return "\n  ".join(lines)
