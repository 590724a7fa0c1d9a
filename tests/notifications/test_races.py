"""Several at the same moment: the database decides, and what is unread about the same thing is one row."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from flask import Flask

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.notifications.models import Notification
from blueprints.profiles.models import Profile
from tests.conftest import People
from tests.notifications.conftest import rows, unread

TIMES = 8
Do = Callable[[Account, Profile], object]


def at_once(app: Flask, account: Account, about: Profile, *deeds: Do) -> None:
    """Each in a transaction of its own, all of them let go together."""
    ids, gate = (account.id, about.id), threading.Barrier(len(deeds))
    db.session.rollback()

    def act(deed: Do) -> None:
        with app.app_context():
            gate.wait(20)
            deed(db.session.get_one(Account, ids[0]), db.session.get_one(Profile, ids[1]))
            db.session.commit()

    with ThreadPoolExecutor(len(deeds)) as pool:
        assert list(pool.map(act, deeds)) == [None] * len(deeds)  # raises what one of them raised
    db.session.expire_all()


def test_the_same_told_by_many_at_once_is_one_row_that_counts_them_all(app: Flask, cast: People) -> None:
    deeds: list[Do] = [lambda account, about, n=n: Notification.tell(account, "change", about, key="change:1", fields=[f"field {n}"]) for n in range(TIMES)]  # type: ignore[misc]
    at_once(app, cast.bo, cast.ana.profile, *deeds)

    [row] = rows(cast.bo)
    assert row.count == TIMES
    assert row.data == {"fields": [f"field {n}" for n in range(TIMES)]}
    assert unread(cast.bo) == (1, 1)


def test_a_perfect_match_found_by_several_workers_is_told_once(app: Flask, cast: People) -> None:
    said: list[bool] = []
    at_once(app, cast.bo, cast.ana.profile, *[lambda account, about: said.append(Notification.tell_once(account, "match", about))] * TIMES)

    assert sorted(said) == [False] * (TIMES - 1) + [True]
    assert len(rows(cast.bo)) == 1 and unread(cast.bo) == (1, 1)


def test_a_number_told_by_several_is_one_row_with_the_highest(app: Flask, cast: People) -> None:
    deeds: list[Do] = [lambda account, about, n=n: Notification.tell_higher(account, "saves", n) for n in (5, 25, 10, 50, 5)]  # type: ignore[misc]
    at_once(app, cast.bo, cast.ana.profile, *deeds)

    assert [row.count for row in rows(cast.bo)] == [50]
    assert unread(cast.bo) == (1, 1)


def test_what_is_told_while_all_is_read_is_not_lost_and_the_badge_is_right(app: Flask, cast: People) -> None:
    Notification.tell(cast.bo, "answer", cast.ana.profile, state="accepted")
    db.session.commit()

    def tell(account: Account, about: Profile) -> None:
        Notification.tell(account, "answer", about, state="declined")

    def read(account: Account, _about: Profile) -> None:
        Notification.read(account)

    at_once(app, cast.bo, cast.ana.profile, *[tell, read] * (TIMES // 2))

    assert sum(row.count for row in rows(cast.bo)) == 1 + TIMES // 2, "each was told"
    badge, found = unread(cast.bo)
    assert badge == found == len([row for row in rows(cast.bo) if not row.is_read]) <= 1


def test_read_twice_at_once_is_read_once(app: Flask, cast: People) -> None:
    Notification.tell(cast.bo, "warning")
    db.session.commit()
    at_once(app, cast.bo, cast.ana.profile, *[lambda account, _about: Notification.read(account)] * TIMES)

    assert unread(cast.bo) == (0, 0)
