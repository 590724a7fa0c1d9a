"""What members are told of, each kind: the one it concerns hears of it, a stranger and a blocked person do not."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from blueprints.accounts.models import Account
from blueprints.extensions import db, utc_now
from blueprints.live.announcements import Announcement
from blueprints.matches.models import Mark, Match
from blueprints.messages.models import Conversation
from blueprints.notifications.kinds import TABLE, milestone
from blueprints.notifications.models import Notification, Wishes
from blueprints.profiles.blocks import Block
from blueprints.profiles.models import Profile
from blueprints.requests.models import Request
from tests.conftest import People
from tests.notifications.conftest import PERFECT, Told, rows, unread

BRIEF = {"what": "A film about coffee, and a secret"}
Login = Callable[[Account], FlaskClient]
Make = Callable[..., Account]


def ask(sender: Account, to: Account) -> Request:
    request = Request.send(sender, to.profile, BRIEF)
    db.session.commit()
    return request


def connect(one: Account, other: Account) -> Conversation:
    request = ask(one, other)
    request.answer(other, accept=True)
    db.session.commit()
    return db.session.scalars(select(Conversation).filter_by(creator_id=request.creator_id, brand_id=request.brand_id)).one()


def write(conversation: Conversation, sender: Account, text: str = "A secret word") -> None:
    conversation.write(sender, text, f"{text}-{sender.id}"[:40])
    db.session.commit()


def save(viewer: Account, profile: Profile) -> None:
    Mark.on(viewer, profile).save()
    db.session.commit()


def revise(account: Account, **changes: Any) -> None:
    assert account.profile.revise(changes, base=account.profile.version) is None
    db.session.commit()


# Requests.


def test_who_is_asked_is_told_and_nobody_else(cast: People, told: Told) -> None:
    ask(cast.ana, cast.bo)

    assert told(cast.bo) == ["*Ana Ruiz asks to work with you"]
    assert told(cast.ana) == told(cast.cy) == []
    assert unread(cast.bo) == (0, 1), "the navigation counts it as a request"
    assert cast.bo.waiting_requests == 1


@pytest.mark.parametrize(("accept", "words"), [(True, "accepted"), (False, "declined")])
def test_who_asked_is_told_the_answer_and_the_one_who_gave_it_has_read_the_request(accept: bool, words: str, cast: People, told: Told) -> None:
    ask(cast.ana, cast.bo).answer(cast.bo, accept=accept)
    db.session.commit()

    assert told(cast.ana) == [f"*Nordlys Coffee {words} your request"]
    assert told(cast.bo) == ["Ana Ruiz asks to work with you"]
    assert unread(cast.ana) == (1, 1)


def test_what_is_withdrawn_is_told_nobody_any_more(cast: People, told: Told) -> None:
    request = ask(cast.ana, cast.bo)
    assert told(cast.bo)
    request.withdraw(cast.ana)
    db.session.commit()

    assert told(cast.bo) == told(cast.ana) == []


def test_an_ended_connection_leaves_nothing_behind(cast: People, told: Told) -> None:
    request = ask(cast.ana, cast.bo)
    request.answer(cast.bo, accept=True)
    request.end(cast.bo)
    db.session.commit()

    assert told(cast.ana) == told(cast.bo) == []
    assert unread(cast.ana) == (0, 0)


# Messages.


def test_messages_are_told_of_by_their_conversation_and_never_by_their_words(cast: People, told: Told) -> None:
    talk = connect(cast.ana, cast.bo)
    write(talk, cast.bo, "One secret")
    write(talk, cast.bo, "Another secret")

    assert told(cast.ana)[0] == "*Nordlys Coffee wrote to you: 2 messages"
    assert unread(cast.ana)[0] == 1, "the answer to her request: messages have a number of their own"
    assert all("secret" not in json.dumps(row.data) for row in rows(cast.ana))
    assert not any("wrote" in words for words in told(cast.bo) + told(cast.cy))


def test_who_reads_the_conversation_is_told_of_it_no_more(cast: People, told: Told) -> None:
    talk = connect(cast.ana, cast.bo)
    write(talk, cast.bo)
    assert len(told(cast.ana)) == 2
    talk.mark_read(cast.ana, 1)
    db.session.commit()

    assert told(cast.ana) == ["*Nordlys Coffee accepted your request"]


def test_who_answers_has_read(cast: People, told: Told) -> None:
    talk = connect(cast.ana, cast.bo)
    write(talk, cast.bo)
    write(talk, cast.ana)

    assert "wrote" not in " ".join(told(cast.ana))
    assert told(cast.bo)[0] == "*Ana Ruiz wrote to you"


# Being saved.


def test_nobody_is_told_of_fewer_than_five_savers_and_then_a_number_and_no_names(cast: People, make_account: Make, told: Told) -> None:
    brands = [make_account("brand", name=f"Brand {number}") for number in range(10)]
    for brand in brands[:4]:
        save(brand, cast.ana.profile)
    assert told(cast.ana) == []

    save(brands[4], cast.ana.profile)
    assert told(cast.ana) == ["*5 people have saved your profile"]
    assert rows(cast.ana)[0].profile_id is None

    for brand in brands[5:9]:
        save(brand, cast.ana.profile)
    assert told(cast.ana) == ["*5 people have saved your profile"], "not yet ten"
    save(brands[9], cast.ana.profile)
    assert told(cast.ana) == ["*10 people have saved your profile"]
    assert told(cast.bo) == []


def test_saving_to_and_fro_is_told_once(cast: People, make_account: Make, told: Told) -> None:
    brands = [make_account("brand") for _ in range(5)]
    for brand in brands:
        save(brand, cast.ana.profile)
    assert len(told(cast.ana)) == 1
    Notification.read(cast.ana)
    Mark.on(brands[0], cast.ana.profile).unsave()
    db.session.commit()
    save(brands[0], cast.ana.profile)

    assert told(cast.ana) == ["5 people have saved your profile"]


def test_savers_who_are_blocked_or_gone_do_not_count(cast: People, make_account: Make, told: Told) -> None:
    brands = [make_account("brand") for _ in range(6)]
    Block.put(cast.ana, brands[0])
    brands[1].suspend()
    for brand in brands:
        save(brand, cast.ana.profile)

    assert told(cast.ana) == []


def test_milestones() -> None:
    assert [milestone(savers) for savers in (0, 4, 5, 9, 10, 24, 25, 99, 100, 10**9)] == [0, 0, 5, 5, 10, 10, 25, 50, 100, 100_000]


# A perfect match.


@pytest.fixture
def bo_knows(cast: People, look: Callable[[], None]) -> Account:
    """bo has answered enough for a perfect match."""
    revise(cast.bo, campaign_types=frozenset({"ugc"}), works_remotely=True, budget_min=500, budget_max=2_000)
    look()
    return cast.bo


def perfect(make_account: Make, **more: Any) -> Account:
    creator = make_account("creator", **{"name": "Perfect Pia", **PERFECT, **more})
    creator.profile.announce_new()
    db.session.commit()
    return creator


def test_a_perfect_match_is_told_once_for_ever(cast: People, bo_knows: Account, make_account: Make, told: Told) -> None:
    pia = perfect(make_account)
    match = Match(bo_knows.profile, pia.profile)
    assert match.tier == "perfect", match.score

    assert told(bo_knows) == ["*Perfect Pia is a perfect match for you"]
    assert told(cast.cy) == told(pia) == []

    Notification.read(bo_knows)
    db.session.commit()
    revise(pia, rate=610)
    assert told(bo_knows) == ["Perfect Pia is a perfect match for you"]


def test_somebody_becomes_a_perfect_match_by_what_they_change(bo_knows: Account, make_account: Make, told: Told) -> None:
    pia = perfect(make_account, niches={"gaming"}, rate=90_000)
    assert told(bo_knows) == []
    revise(pia, niches=frozenset({"food", "sustainability"}), rate=600)

    assert told(bo_knows) == ["*Perfect Pia is a perfect match for you"]


def test_no_more_than_three_perfect_matches_a_day(bo_knows: Account, make_account: Make, told: Told) -> None:
    for number in range(5):
        perfect(make_account, name=f"Pia {number}")
    assert len(told(bo_knows)) == 3

    for row in rows(bo_knows):
        row.created_at = utc_now() - timedelta(days=1, minutes=1)
    db.session.commit()
    perfect(make_account, name="Pia tomorrow")
    assert told(bo_knows)[0] == "*Pia tomorrow is a perfect match for you"


@pytest.mark.parametrize("what", ["hidden", "saved", "asked", "blocked", "must", "their must", "gone"])
def test_no_match_is_told_of_who_is_known_unwanted_or_out_of_sight(what: str, bo_knows: Account, make_account: Make, told: Told) -> None:
    pia = make_account("creator", name="Perfect Pia")
    match what:
        case "hidden":
            Mark.on(bo_knows, pia.profile).hide()
        case "saved":
            Mark.on(bo_knows, pia.profile).save()
        case "asked":
            Request.send(bo_knows, pia.profile, BRIEF)
        case "blocked":
            Block.put(pia, bo_knows)
        case "must":
            revise(bo_knows, musts=frozenset({"language"}))
        case "their must":
            pia.profile.musts = frozenset({"language"})
            pia.profile.languages = frozenset({"fi"})
    db.session.commit()
    revise(pia, **{name: frozenset(value) if isinstance(value, set) else value for name, value in PERFECT.items()})
    assert Match(bo_knows.profile, pia.profile).tier == "perfect"
    if what == "gone":
        pia.suspend()
        db.session.commit()

    assert [words for words in told(bo_knows) if "perfect" in words] == []


# A saved profile changes.


def test_changes_of_a_saved_profile_are_gathered_by_name(cast: People, told: Told) -> None:
    save(cast.bo, cast.ana.profile)
    revise(cast.ana, rate=950)
    assert told(cast.bo) == ["*Ana Ruiz changed their rate"]
    revise(cast.ana, niches=frozenset({"food"}), audience_size=50_000)
    revise(cast.ana, name="Ana R.")

    assert told(cast.bo) == ["*Ana R. changed their audience, name, rate and 1 more"]
    assert unread(cast.bo) == (1, 1)
    assert told(cast.cy) == told(cast.ana) == []


@pytest.mark.parametrize("change", [{"bio": "New words"}, {"musts": frozenset({"niche"})}, {"max_km": 250}], ids=str)
def test_what_matters_to_nobody_or_is_nobodys_business_is_not_told(change: dict[str, Any], cast: People, told: Told) -> None:
    save(cast.bo, cast.ana.profile)
    revise(cast.ana, **change)

    assert told(cast.bo) == []


@pytest.mark.parametrize("what", ["unsaved", "hidden", "blocked", "blocks"])
def test_who_does_not_keep_them_any_more_hears_of_no_change(what: str, cast: People, told: Told) -> None:
    save(cast.bo, cast.ana.profile)
    mark = Mark.on(cast.bo, cast.ana.profile)
    match what:
        case "unsaved":
            mark.unsave()
        case "hidden":
            mark.hide()
        case "blocked":
            Block.put(cast.ana, cast.bo)
        case "blocks":
            Block.put(cast.bo, cast.ana)
    db.session.commit()
    revise(cast.ana, rate=950)

    assert told(cast.bo) == []
    assert rows(cast.bo) == []


def test_nothing_is_told_of_what_was_rolled_back(cast: People, told: Told) -> None:
    save(cast.bo, cast.ana.profile)
    cast.ana.profile.revise({"rate": 950}, base=cast.ana.profile.version)
    db.session.rollback()

    assert told(cast.bo) == []


# A warning.


def test_a_warning_cannot_be_switched_off(cast: People, told: Told) -> None:
    Wishes.of(cast.ana).become({kind.name: () for kind in TABLE})
    Notification.tell(cast.ana, "warning")
    db.session.commit()

    assert told(cast.ana) == ["*The people who run Duet sent you a warning"]
    assert unread(cast.ana) == (1, 1)


# Who is blocked or gone.


def test_a_block_takes_what_both_were_told_of_each_other(cast: People, make_account: Make, told: Told) -> None:
    other = make_account("creator", name="Somebody else")
    ask(other, cast.bo)
    talk = connect(cast.ana, cast.bo)
    write(talk, cast.bo)
    write(talk, cast.ana)
    assert len(told(cast.ana)) == 1 and len(told(cast.bo)) == 3
    Block.put(cast.bo, cast.ana)
    db.session.commit()

    assert told(cast.ana) == []
    assert told(cast.bo) == ["*Somebody else asks to work with you"]
    assert unread(cast.ana) == (0, 0)


def test_who_is_suspended_is_told_of_to_nobody_until_they_are_back(cast: People, told: Told) -> None:
    ask(cast.ana, cast.bo).answer(cast.bo, accept=True)
    db.session.commit()
    assert unread(cast.ana) == (1, 1)

    cast.bo.suspend()
    db.session.commit()
    assert told(cast.ana) == []
    assert unread(cast.ana) == (0, 0)

    cast.bo.restore()
    db.session.commit()
    assert told(cast.ana) == ["*Nordlys Coffee accepted your request"]
    assert unread(cast.ana) == (1, 1)


def test_the_badge_of_who_comes_back_follows_who_left_meanwhile(cast: People) -> None:
    ask(cast.ana, cast.bo).answer(cast.bo, accept=True)
    for step in (cast.ana.suspend, cast.bo.suspend, cast.ana.restore):
        step()
        db.session.commit()

    assert unread(cast.ana) == (0, 0)


def test_no_notice_on_the_stream_says_what_it_is_about(cast: People, told: Told) -> None:
    ask(cast.ana, cast.bo)
    Notification.tell(cast.bo, "warning")
    db.session.commit()

    said = db.session.execute(select(Announcement.topic, Announcement.data).where(Announcement.topic.like("notifications/%"))).all()
    assert {tuple(row) for row in said} == {(f"notifications/{cast.bo.id}", "{}")}
