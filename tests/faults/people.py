"""What members do meanwhile, each from two devices, and what they were told became of it.

Whatever somebody writes carries a word of its own (``say-<author>-7``), so that it is known wherever it turns up:
``say`` is for whoever may see the author's profile, ``word`` and ``ask`` are for two people only.
"""

import asyncio
import itertools
import json
import random
import re
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from tests.faults.device import Answer, Device, NoAnswer

RETRY_FIRST, RETRY_LAST = 0.2, 1.5
PATIENCE, MOST_PATIENCE = 1.5, 15.0  # with the first try of what carries an operation, so that the second overtakes it at times
REST = (0.2, 0.9)  # seconds between two doings
BLOCKED_FOR = 8.0
A_NO = 0.15  # it ends what there is between the two
NICHES = ("food", "travel", "gaming", "sustainability", "beauty", "fitness")
TEXTS = ("headline", "bio")
AGAIN = (408, 425, 429)
JSON = {"Accept": "application/json"}
ANSWERS = ("accept", "decline", "withdraw")
CARRIED = ("edit", "message", *ANSWERS)  # under an operation's id


@dataclass(frozen=True)
class Member:
    """``id``: the account's; ``profile``: the profile's; ``friends`` are connected with them, ``asked`` and ``avoided`` are others whom they deal with."""

    id: int
    profile: int
    role: str
    email: str


@dataclass
class Deed:
    """One thing that was asked for, however often, and the final answer."""

    by: Member
    device: str
    kind: str
    other: Member | None = None
    operation: str = field(default_factory=lambda: uuid.uuid4().hex)
    values: dict[str, Any] = field(default_factory=dict)
    bases: dict[str, int] = field(default_factory=dict)
    before: dict[str, frozenset[str]] = field(default_factory=dict)  # what a list held when it was changed
    sent: float = 0.0
    tries: int = 0
    last_try: float = 0.0
    last_try_wall: float = 0.0
    answered: float = 0.0
    status: int = 0
    saved: frozenset[str] = frozenset()
    conflict: frozenset[str] = frozenset()
    errors: dict[str, str] = field(default_factory=dict)
    version: int = 0

    @property
    def is_done(self) -> bool:
        """It was acknowledged."""
        return self.status in (200, 204, 302, 303)


@dataclass
class World:
    """Everyone, and all that was done."""

    members: list[Member]
    friends: dict[int, list[Member]]
    strangers: dict[int, list[Member]]  # by account: of the other role, not connected at first
    conversations: dict[tuple[int, int], int]
    chance: random.Random
    deeds: list[Deed] = field(default_factory=list)
    over: bool = False
    numbers: Iterator[int] = field(default_factory=itertools.count)


class Person:
    """A member at one of their devices."""

    def __init__(self, world: World, me: Member, device: Device, seed: int) -> None:
        self.world, self.me, self.device = world, me, device
        self.chance = random.Random(seed)
        self.bases: dict[str, int] = {}
        self.held: dict[str, frozenset[str]] = {}
        self.blocked_at: dict[int, float] = {}
        self.doings: list[tuple[Callable[[], Any], int]] = [
            (self.edit_texts, 30), (self.edit_lists, 16), (self.write, 20), (self.look, 14), (self.deal, 16), (self.mark, 6), (self.avoid, 6),
        ]  # fmt: skip

    async def live(self) -> None:
        await asyncio.sleep(self.chance.random() * REST[1])
        while not self.world.over:
            doing = self.chance.choices([doing for doing, _ in self.doings], [weight for _, weight in self.doings])[0]
            await doing()
            await asyncio.sleep(self.chance.uniform(*REST))

    # What they do.

    async def edit_texts(self) -> None:
        if not self.bases or self.chance.random() < 0.3:
            await self.reread()
        names = self.chance.sample(TEXTS, self.chance.choice((1, 1, 2)))
        await self.save({name: self.token("say", self.me.id) for name in names if name in self.bases})

    async def edit_lists(self) -> None:
        """A link or a topic is put in or taken out of what the device shows, which may be old."""
        if self.chance.random() < 0.6:
            await self.reread()
        name = self.chance.choice(("niches", "links"))
        if name not in self.held:
            return
        now = set(self.held[name])
        if name == "niches":
            now ^= {self.chance.choice(NICHES)}
        elif len(now) > 2 or (now and self.chance.random() < 0.4):
            now.remove(self.chance.choice(sorted(now)))
        else:
            now.add(f"https://example.org/{self.token('say', self.me.id)}")
        await self.save({name: frozenset(now)})

    async def save(self, values: dict[str, Any]) -> None:
        if not values or not self.bases:
            return
        held = {name: self.held[name] for name in values if name in self.held}
        deed = Deed(self.me, self.device.name, "edit", values=values, bases={name: self.bases[name] for name in values}, before=held)
        sent = {name: ["", *sorted(value)] if name == "niches" else "\n".join(sorted(value)) if name == "links" else value for name, value in values.items()}
        bases = {f"base-{name}": self.bases[name] for name in values} | {"base": min(self.bases.values())}
        answer = await self.do(deed, "PATCH", "/profile", {**sent, **bases}, JSON)
        if answer is None or answer.status not in (200, 409, 422):
            return
        told = json.loads(answer.text)
        deed.version, deed.saved, deed.errors = told["version"], frozenset(told["saved"]), told.get("errors", {})
        conflict = told.get("conflict", {})
        deed.conflict = frozenset(conflict)
        for name in deed.saved & values.keys():
            self.bases[name] = told["versions"][name]
            self.held.pop(name, None)  # merged, perhaps
        if deed.saved & {"niches", "links"}:
            await self.reread()
        for name, both in conflict.items():
            self.bases[name] = both["version"]
            if isinstance(both["theirs"], list):
                self.held[name] = frozenset(both["theirs"])
            if self.chance.random() < 0.5 and not self.world.over:
                await self.choose(name, values[name], both)

    async def choose(self, name: str, mine: Any, both: dict[str, Any]) -> None:
        """Theirs was chosen where nothing more is sent; here it is mine, or for a text both."""
        if name in TEXTS:
            await self.save({name: f"{self.token('say', self.me.id)} {both['theirs']}"[:110] if self.chance.random() < 0.5 else self.token("say", self.me.id)})
        elif name in self.held:
            await self.save({name: mine})

    async def reread(self) -> None:
        """Open the editor anew."""
        try:
            answer = await self.device.exchange("GET", "/profile")
        except NoAnswer:
            return
        base = re.search(r'name="base" value="(\d+)"', answer.text)
        links = re.search(r'<textarea[^>]*name="links"[^>]*>([^<]*)</textarea>', answer.text)
        if answer.status == 200 and base and links:
            self.bases = dict.fromkeys((*TEXTS, "niches", "links"), int(base[1]))
            boxes = (box for box in re.findall(r"<input\b[^>]*>", answer.text) if 'name="niches"' in box and re.search(r"\bchecked\b", box))
            niches = frozenset(match[1] for box in boxes if (match := re.search(r'value="([^"]+)"', box)))
            self.held = {"niches": niches, "links": frozenset(unescape(links[1]).split())}

    async def write(self) -> None:
        if not (friends := self.world.friends[self.me.id]):
            return await self.edit_texts()
        them = self.chance.choice(friends)
        deed = Deed(self.me, self.device.name, "message", them, values={"text": self.token("word", self.me.id, them.id)})
        conversation = self.world.conversations[pair(self.me, them)]
        await self.do(deed, "POST", f"/messages/{conversation}", {"text": deed.values["text"], "client_id": deed.operation}, JSON)

    async def look(self) -> None:
        """Go to another page in one of the tabs; read what was written there."""
        path = self.some_page()
        if await self.chance.choice(self.device.tabs).open(path) and (conversation := re.fullmatch(r"/messages/(\d+)", path)):
            await self.do(Deed(self.me, self.device.name, "read"), "POST", f"/messages/{conversation[1]}/read", {"number": 1_000})

    def some_page(self) -> str:
        others = [member for member in self.world.members if member.role != self.me.role]
        conversations = [id for both, id in self.world.conversations.items() if self.me.id in both]
        pages = ["/matches", "/matches", "/requests", "/profile", "/messages", "/matches/saved", "/settings/blocked", "/notifications"]
        return self.chance.choice([*pages, *(f"/profiles/{other.profile}" for other in others), *(f"/messages/{id}" for id in conversations)])

    async def deal(self) -> None:
        """Ask somebody, answer, take back, or disconnect: whatever is next."""
        strangers = self.world.strangers[self.me.id]
        if not strangers:
            return await self.mark()
        them = self.chance.choice(strangers)
        try:
            panel = (await self.device.exchange("GET", f"/requests/with/{them.profile}/panel", {"HX-Request": "true"})).text
        except NoAnswer:
            return
        if answering := re.search(r"/requests/(\d+)/(accept|withdraw|end)", panel):
            step = "decline" if answering[2] == "accept" and self.chance.random() < A_NO else answering[2]
            await self.do(Deed(self.me, self.device.name, step, them, values={"request": int(answering[1])}), "POST", f"/requests/{answering[1]}/{step}", {}, JSON)
        elif f"to={them.profile}" in panel:
            deed = Deed(self.me, self.device.name, "ask", them, values={"what": self.token("ask", self.me.id, them.id)})
            await self.do(deed, "POST", "/requests", {"to": them.profile, "what": deed.values["what"]})

    async def mark(self) -> None:
        """Save or hide a card, or take that back."""
        them = self.chance.choice([member for member in self.world.members if member.role != self.me.role])
        step = self.chance.choice(("save", "unsave", "hide", "unhide"))
        await self.do(Deed(self.me, self.device.name, step, them), "POST", f"/matches/{them.profile}/{step}", {}, {"HX-Request": "true"})

    async def avoid(self) -> None:
        """Block somebody, for long enough that it can be seen whether it holds; then take it back."""
        if not (strangers := self.world.strangers[self.me.id]):
            return await self.edit_texts()
        them = strangers[-1]
        since = self.blocked_at.pop(them.id, None)
        if since is None:
            deed = Deed(self.me, self.device.name, "block", them)
            await self.do(deed, "POST", f"/profiles/{them.profile}/block", {})
            self.blocked_at[them.id] = deed.answered
        elif time.monotonic() - since > BLOCKED_FOR:
            await self.do(Deed(self.me, self.device.name, "unblock", them), "POST", f"/profiles/{them.profile}/unblock", {})
        else:
            self.blocked_at[them.id] = since

    # How it is done.

    def token(self, kind: str, *who: int) -> str:
        return "-".join([kind, *map(str, who), str(next(self.world.numbers))])

    async def do(self, deed: Deed, method: str, path: str, data: dict[str, Any], headers: dict[str, str] | None = None) -> Answer | None:
        """Ask until there is a final answer, always under the same id, as the outbox does."""
        self.world.deeds.append(deed)
        deed.sent, delay, patience = time.monotonic(), RETRY_FIRST, PATIENCE
        kept = {"operation": deed.operation, "account": self.device.account} if deed.kind in CARRIED else {}
        while True:
            deed.tries += 1
            deed.last_try, deed.last_try_wall = time.monotonic(), time.time()
            try:
                answer = await self.device.exchange(method, path, headers, {**data, **kept}, patience)
            except NoAnswer:
                patience = min(MOST_PATIENCE, 2 * patience)
            else:
                if answer.status < 500 and answer.status not in AGAIN:
                    deed.answered, deed.status = time.monotonic(), answer.status
                    if answer.status in (400, 401, 403) and deed.kind != "message":
                        self.device.faults.append(f"{deed.device}: {method} {path} was refused with {answer.status}")
                    return answer
            await asyncio.sleep(delay * (0.5 + self.chance.random() / 2))
            delay = min(RETRY_LAST, 2 * delay)


def pair(one: Member, other: Member) -> tuple[int, int]:
    return min(one.id, other.id), max(one.id, other.id)
