"""What the demo community has going on between its members: requests, connections, conversations. Deterministic, and in bulk."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import and_, case, func, insert, select, update
from sqlalchemy.orm import scoped_session

from blueprints.accounts.models import Account
from blueprints.messages.models import Conversation, Message, Participant
from blueprints.notifications.models import Notification
from blueprints.profiles.choices import NICHES
from blueprints.profiles.models import OTHER_ROLE, Profile
from blueprints.requests.models import EXPIRES_AFTER, Request
from blueprints.site import seed_talks
from blueprints.site.seed_talks import Asked

PAIRS_EACH = 0.35  # requests for each member of a batch
STATES = {"accepted": 6, "pending": 3, "declined": 1, "withdrawn": 0.5, "expired": 0.5}
ANSWERS_READ_AFTER_DAYS = 6
EMPTY: Mapping[str, Any] = {}
UNREAD = 0.3  # of the conversations end with something unread
DEMO_STATES = ("accepted", "accepted", "accepted", "pending", "pending", "pending", "declined")


@dataclass(frozen=True)
class Person:
    """What is read of a member to have them talk."""

    account_id: int
    profile_id: int
    role: str
    name: str
    niches: frozenset[str]
    city: str
    purse: int | None  # a brand's highest budget, a creator's rate


@dataclass(frozen=True)
class Pair:
    """One request and what came of it."""

    creator: Person
    brand: Person
    sender: Person
    state: str
    sent_at: datetime
    lines: Sequence[str] = ()

    @property
    def receiver(self) -> Person:
        return self.brand if self.sender is self.creator else self.creator


def bring_together(session: scoped_session[Any], accounts: Sequence[int], seed: str, now: datetime, demo: Mapping[str, int]) -> None:
    """Requests and conversations among these accounts. ``demo``: the account ids of the demo log-ins by role, who get a little of everything.
    Does not commit."""
    random = Random(f"{seed} together")
    people = _people(session, accounts)
    pairs = [*_demo_pairs(people, demo, random, now), *_pairs(people, random, now)]
    seen = set[tuple[int, int]]()
    pairs = [pair for pair in pairs if (key := (pair.creator.account_id, pair.brand.account_id)) not in seen and not seen.add(key)]  # type: ignore[func-returns-value]
    if not pairs:
        return
    ids = session.scalars(insert(Request).returning(Request.id, sort_by_parameter_order=True), [_request(pair, random) for pair in pairs]).all()
    session.execute(insert(Notification), [told for id, pair in zip(ids, pairs, strict=True) for told in _told(id, pair, now)])
    _talk(session, [pair for pair in pairs if pair.state == "accepted"], random, now)
    _count(session, {person.account_id for pair in pairs for person in (pair.creator, pair.brand)})


def _people(session: scoped_session[Any], accounts: Sequence[int]) -> list[Person]:
    wanted = session.scalars(select(Profile).where(Profile.account_id.in_(accounts)).order_by(Profile.account_id))
    return [
        Person(profile.account_id, profile.id, profile.role, profile.name, profile.niches, profile.city.name if profile.city else "our city",
               profile.budget_max if profile.role == "brand" else profile.rate)
        for profile in wanted
    ]  # fmt: skip


def _pairs(people: Sequence[Person], random: Random, now: datetime) -> Iterator[Pair]:
    """Those who share a topic find each other."""
    brands = defaultdict[str, list[Person]](list)
    for person in people:
        for niche in person.niches if person.role == "brand" else ():
            brands[niche].append(person)
    creators = [person for person in people if person.role == "creator" and any(niche in brands for niche in person.niches)]
    for _ in range(int(len(people) * PAIRS_EACH) if creators else 0):
        creator = random.choice(creators)
        brand = random.choice(brands[random.choice(sorted(niche for niche in creator.niches if niche in brands))])
        yield _pair(creator, brand, random.choices(list(STATES), list(STATES.values()))[0], random, now)


def _demo_pairs(people: Sequence[Person], demo: Mapping[str, int], random: Random, now: datetime) -> Iterator[Pair]:
    """Ana and Bo know each other; each has others to answer, to wait for and to write to."""
    by_account = {person.account_id: person for person in people}
    if ana_and_bo := [by_account[id] for role in ("creator", "brand") if (id := demo.get(role)) in by_account]:
        if len(ana_and_bo) == 2:
            ana, bo = ana_and_bo
            yield Pair(ana, bo, bo, "accepted", now - timedelta(days=9), seed_talks.ANA_AND_BO)
        for me in ana_and_bo:
            others = [person for person in people if person.role == OTHER_ROLE[me.role] and person not in ana_and_bo and person.niches & me.niches]
            for number, (other, state) in enumerate(zip(random.sample(others, min(len(others), len(DEMO_STATES))), DEMO_STATES, strict=False)):
                creator, brand = (me, other) if me.role == "creator" else (other, me)
                yield _pair(creator, brand, state, random, now, sender=other if number % 3 != 2 else me)


def _pair(creator: Person, brand: Person, state: str, random: Random, now: datetime, sender: Person | None = None) -> Pair:
    sender = sender or random.choices((brand, creator), (3, 1))[0]
    days = random.uniform(15, 60) if state == "expired" else random.uniform(1, 50) if state in ("accepted", "withdrawn") else random.uniform(0.1, 10)
    talk = random.choice([talk for talk in seed_talks.TALKS if talk[0][0] == ("c" if sender is brand else "b")]) if state == "accepted" else ()
    return Pair(creator, brand, sender, state, now - timedelta(days=days), talk)


def _request(pair: Pair, random: Random) -> dict[str, Any]:
    asked: Asked = random.choice(seed_talks.FROM_BRANDS if pair.sender is pair.brand else seed_talks.FROM_CREATORS)
    most = pair.brand.purse or pair.creator.purse
    answered = None if pair.state == "pending" else pair.sent_at + (EXPIRES_AFTER if pair.state == "expired" else timedelta(hours=random.uniform(0.5, 40)))
    return {
        "creator_id": pair.creator.account_id,
        "brand_id": pair.brand.account_id,
        "sender_id": pair.sender.account_id,
        "state": pair.state,
        "what": _filled(asked.what, pair),
        "timing": asked.timing,
        "deliverables": asked.deliverables,
        "budget_min": most and max(1, round(most * 2 / 3, -1 if most < 1_000 else -2)),
        "budget_max": most,
        "sent_at": pair.sent_at,
        "expires_at": pair.sent_at + EXPIRES_AFTER,
        "answered_at": answered,
        "version": 1 if pair.state == "pending" else 2,
    }


def _filled(words: str, pair: Pair) -> str:
    topic = next((label for slug, label in NICHES.items() if slug in pair.creator.niches & pair.brand.niches), "your work").lower()
    return words.format(topic=topic, city=pair.brand.city, creator=pair.creator.name.split()[0], brand=pair.brand.name)


def _told(request_id: int, pair: Pair, now: datetime) -> Iterator[dict[str, Any]]:
    """What the two are told of it: who is asked of the request, who asked of the answer; the older answers have been read."""
    if pair.state == "pending":
        yield _notification(pair.receiver, pair.sender, "request", request_id, pair.sent_at)
    elif pair.state in ("accepted", "declined"):
        answered = pair.sent_at + timedelta(hours=40)
        is_read = answered < now - timedelta(days=ANSWERS_READ_AFTER_DAYS)
        yield _notification(pair.sender, pair.receiver, "answer", request_id, min(answered, now), {"state": pair.state}, answered if is_read else None)


def _notification(
    to: Person, about: Person, kind: str, request_id: int, at: datetime, said: Mapping[str, Any] = EMPTY, read_at: datetime | None = None
) -> dict[str, Any]:
    return {
        "account_id": to.account_id,
        "kind": kind,
        "profile_id": about.profile_id,
        "key": f"{kind}:{request_id}",
        "count": 1,
        "data": {"request": request_id, **said},
        "created_at": at,
        "updated_at": at,
        "read_at": read_at,
    }


def _talk(session: scoped_session[Any], pairs: Sequence[Pair], random: Random, now: datetime) -> None:
    """A conversation for each, most of them read to the end."""
    talks = [list(_messages(pair, random, now)) for pair in pairs]
    conversations = [
        {
            "creator_id": pair.creator.account_id,
            "brand_id": pair.brand.account_id,
            "version": 1 + len(talk),
            "edits_version": 1,
            "last_number": len(talk),
            "last_at": talk[-1]["sent_at"],
        }
        for pair, talk in zip(pairs, talks, strict=True)
    ]
    ids = session.scalars(insert(Conversation).returning(Conversation.id, sort_by_parameter_order=True), conversations).all()
    participants, messages = [], []
    for id, pair, talk in zip(ids, pairs, talks, strict=True):
        unread = pair.lines is seed_talks.ANA_AND_BO or random.random() < UNREAD
        for person in (pair.creator, pair.brand):
            read = len(talk) - (unread and person.account_id != talk[-1]["sender_id"])
            participants.append({"conversation_id": id, "account_id": person.account_id, "read_number": read, "delivered_number": len(talk)})
        messages += [message | {"conversation_id": id} for message in talk]
    session.execute(insert(Participant), participants)
    session.execute(insert(Message), messages)


def _messages(pair: Pair, random: Random, now: datetime) -> Iterator[dict[str, Any]]:
    """Spread over the days since they were connected."""
    moment = min(pair.sent_at + timedelta(hours=41), now - timedelta(hours=2))
    pace = (now - timedelta(minutes=random.uniform(20, 400)) - moment) / max(1, len(pair.lines))
    for number, line in enumerate(pair.lines, start=1):
        moment += pace * random.uniform(0.4, 1)
        who, _, words = line.partition(":")
        sender = pair.creator if who == "c" else pair.brand
        yield {"number": number, "sender_id": sender.account_id, "text": _filled(words, pair), "client_id": f"seed-{number}", "sent_at": moment}


def _count(session: scoped_session[Any], accounts: set[int]) -> None:
    """What waits for each of them, as the navigation says it."""
    receiver = case((Request.sender_id == Request.creator_id, Request.brand_id), else_=Request.creator_id)
    waiting = select(func.count()).where(receiver == Account.id, Request.state == "pending", Request.superseded_at.is_(None)).scalar_subquery()
    mine = and_(Participant.conversation_id == Message.conversation_id, Participant.account_id == Account.id)
    behind = and_(Message.number > Participant.read_number, Message.sender_id != Account.id)
    unread = select(func.count()).select_from(Message).join(Participant, mine).where(behind).scalar_subquery()
    news = and_(Notification.account_id == Account.id, Notification.read_at.is_(None), Notification.kind == "answer")
    counts = {"waiting_requests": waiting, "unread_messages": unread, "unread_notifications": select(func.count()).where(news).scalar_subquery()}
    session.execute(update(Account).where(Account.id.in_(accounts)).values(counts), execution_options={"synchronize_session": False})
