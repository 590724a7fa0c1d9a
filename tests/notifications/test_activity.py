"""What happened around me: my connections' news, for their eyes only, live, and one line for what somebody changes within an hour."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, event, func, select, update

from blueprints.accounts.models import Account, OwnVersion
from blueprints.extensions import db, utc_now
from blueprints.live.announcements import Announcement
from blueprints.notifications.activity import KEPT_FOR, PAGE_SIZE, Activity, Around, words_of
from blueprints.profiles.blocks import Block
from blueprints.profiles.models import City, Profile
from blueprints.requests.models import Request
from tests.conftest import app_on

Login = Callable[[Account], FlaskClient]
MakeAccount = Callable[..., Account]

DIGEST = "0" * 64


def connect(one: Account, other: Account) -> Request:
    request = Request.send(one, other.profile, {"what": "A film"})
    request.answer(other, accept=True)
    db.session.commit()
    return request


def change(account: Account, **fields: Any) -> None:
    account.profile.revise(fields, base=account.profile.version)
    db.session.commit()


def lines(viewer: Account, page: int = 1) -> list[str]:
    return [f"{line.profile.name} {line.words}" for line in Around.of(viewer, page).lines]


@contextmanager
def statements() -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        said.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


@pytest.fixture
def connected(ana: Account, bo: Account) -> Request:
    return connect(bo, ana)


def test_both_read_that_they_are_connected_and_nobody_else_does(connected: Request, ana: Account, bo: Account, cy: Account, as_user: Login) -> None:
    assert lines(ana) == ["Nordlys Coffee and you are connected now"]
    assert lines(bo) == ["Ana Ruiz and you are connected now"]
    assert lines(cy) == []

    page = as_user(ana).get("/activity").text
    assert "Nordlys Coffee" in page and "you are connected now" in page
    assert "Nordlys" not in as_user(cy).get("/activity").text


def test_news_of_a_connection_is_on_the_page(connected: Request, ana: Account, bo: Account, cy: Account, as_user: Login) -> None:
    change(ana, rate=1_234, platforms=frozenset({"tiktok"}))

    assert lines(bo)[0] == "Ana Ruiz changed their platforms and rate"
    page = as_user(bo).get("/activity").text
    assert "changed their platforms and rate" in page
    assert "1,234" not in page and "tiktok" not in page.lower(), "that it changed, not what it is"
    assert f'data-live="activity@{OwnVersion.of(bo, "activity")} profile:{ana.profile.id}@{ana.profile.version}"' in page
    assert len(lines(ana)) == 1 and lines(cy) == [], "oneself is no news, and a stranger hears of nothing"
    assert as_user(bo).get("/activity/list").text.strip().startswith("<section")


def test_a_brand_s_budget_is_one_word(connected: Request, ana: Account, bo: Account) -> None:
    change(bo, budget_min=600, budget_max=3_000, niches=frozenset({"food"}))

    assert lines(ana)[0] == "Nordlys Coffee changed their budget and topics"


def test_a_new_picture_is_news_and_a_removed_one_is_not(connected: Request, ana: Account, bo: Account) -> None:
    change(ana, avatar=DIGEST)
    assert lines(bo)[0] == "Ana Ruiz has a new picture"

    db.session.execute(delete(Activity))
    change(ana, avatar=None)
    assert len(lines(bo)) == 1


def test_a_profile_is_completed_once(connected: Request, ana: Account, bo: Account) -> None:
    assert ana.profile.completion.percent < 100
    rest: dict[str, Any] = {"headline": "Street food, daily and by night", "bio": "x" * 400, "avatar": DIGEST, "works_remotely": True, "links": ("https://a.example",),
            "campaign_types": frozenset({"event", "sponsored-post"}), "industries": frozenset({"food-drink"}), "city": db.session.scalar(select(City).limit(1))}
    change(ana, **rest)
    assert ana.profile.completion.percent == 100, ana.profile.completion.deficits

    assert lines(bo)[0] == "Ana Ruiz has a new picture and completed their profile"

    db.session.execute(delete(Activity))
    change(ana, rate=1_000)
    assert lines(bo)[0] == "Ana Ruiz changed their rate"


def test_what_is_nobodys_business_is_no_news(connected: Request, ana: Account, bo: Account) -> None:
    before = OwnVersion.of(bo, "activity")
    change(ana, musts=frozenset({"niche"}))
    change(ana, bio="Another bio, long enough to be read by somebody.", headline="Noodles")

    assert len(lines(bo)) == 1
    assert OwnVersion.of(bo, "activity") == before


def test_edits_within_an_hour_are_one_line(connected: Request, ana: Account, bo: Account) -> None:
    change(ana, rate=1_000)
    change(ana, rate=1_100)
    change(ana, niches=frozenset({"music"}))
    change(ana, avatar=DIGEST)
    assert lines(bo)[0] == "Ana Ruiz has a new picture and changed their rate and topics"
    assert len(lines(bo)) == 2

    line = db.session.scalars(select(Activity)).one()
    line.data = {**line.data, "since": (utc_now() - timedelta(minutes=61)).isoformat()}
    change(ana, rate=1_200)

    assert lines(bo)[0] == "Ana Ruiz changed their rate"
    assert len(lines(bo)) == 3


def test_who_is_connected_later_reads_no_news_from_before(ana: Account, bo: Account, make_account: MakeAccount) -> None:
    early = make_account("brand", name="Early Bird")
    connect(early, ana)
    change(ana, rate=1_000)
    connect(bo, ana)

    assert lines(early)[0] == "Ana Ruiz changed their rate"
    assert lines(bo) == ["Ana Ruiz and you are connected now"]


def test_without_connections_nothing_is_kept(ana: Account) -> None:
    change(ana, rate=1_000)

    assert db.session.scalar(select(func.count()).select_from(Activity)) == 0


def test_the_other_persons_open_page_hears_of_it_and_a_strangers_does_not(connected: Request, ana: Account, bo: Account, cy: Account) -> None:
    since = db.session.scalar(select(func.max(Announcement.id)))
    change(ana, rate=1_000)

    told = db.session.scalars(select(Announcement.topic).where(Announcement.id > since, Announcement.topic.like("activity/%"))).all()
    assert told == [f"activity/{bo.id}"]


def test_all_connections_are_told_in_one_statement(ana: Account, make_account: MakeAccount) -> None:
    brands = [make_account("brand") for _ in range(8)]
    for brand in brands:
        connect(brand, ana)
    with statements() as said:
        change(ana, rate=1_000)

    assert len([statement for statement in said if "INTO own_versions" in statement]) == 1
    assert {OwnVersion.of(brand, "activity") for brand in brands} == {2}
    assert len([statement for statement in said if "INTO announcements" in statement]) < len(brands), "and noted together"


def test_edits_at_once_of_two_with_the_same_connections_wait_for_each_other(
    instance: Path, database: dict[str, str], ana: Account, make_account: MakeAccount
) -> None:
    edits, editors, brands = 8, [ana, make_account("creator")], [make_account("brand") for _ in range(5)]
    for number, editor in enumerate(editors):
        for brand in brands[:: -1 if number else 1]:
            connect(brand, editor)
        change(editor, rate=900)
    before = {brand.id: OwnVersion.of(brand, "activity") for brand in brands}
    ids, start, done = [editor.profile.id for editor in editors], threading.Barrier(len(editors)), []
    db.session.rollback()

    def edit(profile_id: int) -> None:
        with app_on(instance, database) as app, app.app_context():
            start.wait(20)
            for number in range(edits):
                profile = db.session.get_one(Profile, profile_id)
                profile.revise({"rate": 1_000 + number}, base=profile.version)
                db.session.commit()
            done.append(profile_id)

    threads = [threading.Thread(target=edit, args=(profile_id,)) for profile_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(done) == sorted(ids), "neither was told to try again"
    assert {brand.id: OwnVersion.of(brand, "activity") - before[brand.id] for brand in brands} == dict.fromkeys(before, 2 * edits)


def test_who_blocks_takes_their_news_along_on_both_sides(connected: Request, ana: Account, bo: Account, as_user: Login) -> None:
    change(ana, rate=1_000)
    change(bo, budget_max=3_000)
    assert len(lines(ana)) == len(lines(bo)) == 2
    before = OwnVersion.of(bo, "activity")

    Block.put(ana, bo)
    db.session.commit()

    assert lines(ana) == lines(bo) == []
    assert "Ana Ruiz" not in as_user(bo).get("/activity").text
    change(ana, rate=1_100)
    assert lines(bo) == []
    assert OwnVersion.of(bo, "activity") >= before


def test_no_longer_connected_is_no_longer_around(connected: Request, ana: Account, bo: Account) -> None:
    change(ana, rate=1_000)
    before = OwnVersion.of(bo, "activity")
    connected.end(ana)
    db.session.commit()

    assert lines(ana) == lines(bo) == []
    assert OwnVersion.of(bo, "activity") == before + 1, "and the open page hears of it"


def test_who_is_suspended_or_gone_is_not_around(connected: Request, ana: Account, bo: Account) -> None:
    change(ana, rate=1_000)
    kept = db.session.scalar(select(func.count()).select_from(Activity))
    ana.suspend()
    db.session.commit()
    assert lines(bo) == []
    assert db.session.scalar(select(func.count()).select_from(Activity)) == kept, "leaving is no edit"

    ana.restore()
    db.session.commit()
    assert len(lines(bo)) == 2
    ana.take_role("brand")
    db.session.commit()
    assert lines(bo) == []


def test_news_comes_in_pages(ana: Account, make_account: MakeAccount, as_user: Login) -> None:
    brands = [make_account("brand", name=f"Brand {number}") for number in range(PAGE_SIZE + 3)]
    for brand in brands[:10]:
        connect(brand, ana)
    db.session.execute(update(Request).values(answered_at=utc_now() - timedelta(days=2)))
    for number in range(PAGE_SIZE + 3):
        db.session.add(Activity(profile_id=brands[number % 10].profile.id, kind="changed", data={"what": ["rate"]}, happened_at=utc_now() - timedelta(minutes=number)))
    db.session.commit()

    first, second = lines(ana), lines(ana, 2)
    assert len(first) == PAGE_SIZE and len(second) == 13
    assert second[-1].endswith("and you are connected now")
    client = as_user(ana)
    assert "Older" in client.get("/activity").text and "Newer" not in client.get("/activity").text
    assert "Newer" in client.get("/activity?page=2").text and "Older" not in client.get("/activity?page=2").text
    assert "Nothing on this page" in client.get("/activity?page=900").text
    for page in ("0", "-1", "x", "9" * 40):
        assert client.get(f"/activity?page={page}").status_code == 200


def test_a_page_takes_few_queries(ana: Account, make_account: MakeAccount) -> None:
    for _ in range(5):
        brand = make_account("brand")
        connect(brand, ana)
        change(brand, budget_max=900)
    with statements() as said:
        assert len(lines(ana)) == 10
    assert len([statement for statement in said if statement.lstrip().startswith("SELECT")]) <= 4


def test_nothing_yet_says_what_will_be_here(ana: Account, as_user: Login) -> None:
    page = as_user(ana).get("/activity").text

    assert "Quiet around you" in page
    assert 'data-live="activity@0"' in page


def test_what_is_long_past_is_forgotten(connected: Request, ana: Account, bo: Account) -> None:
    for days in (1, 89, 91, 200):
        db.session.add(Activity(profile_id=ana.profile.id, kind="changed", data={"what": ["rate"]}, happened_at=utc_now() - timedelta(days=days)))
    db.session.commit()

    assert KEPT_FOR == timedelta(days=90)
    assert Activity.prune() == 2
    db.session.commit()
    assert db.session.scalar(select(func.count()).select_from(Activity)) == 2


def test_an_admin_has_nobody_around(make_account: MakeAccount, as_user: Login, ana: Account) -> None:
    client = as_user(ana)
    ana.role = "admin"
    db.session.commit()

    assert client.get("/activity").status_code == client.get("/activity/list").status_code == 404


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (["picture"], "has a new picture"),
        (["complete"], "completed their profile"),
        (["budget", "platforms", "topics"], "changed their budget, platforms and topics"),
        (["complete", "picture", "rate"], "has a new picture, changed their rate and completed their profile"),
        (["of a later version"], ""),
    ],
)
def test_what_changed_in_words(what: list[str], words: str) -> None:
    assert words_of(what) == words
