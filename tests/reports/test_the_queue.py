"""The admins' queue: live, with evidence; each act is written down and never changed; of two admins at once the second is told."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from blueprints.accounts.models import Account, OwnVersion
from blueprints.extensions import db
from blueprints.notifications.models import Notification
from blueprints.reports.models import Action, Report
from tests.conftest import People, password_hash

Login = Callable[[Account], FlaskClient]
ABSURD = ["\x00", "9" * 50, "-1", "x" * 100_000, "\ud7ff\u202e", "²"]


@pytest.fixture
def admins(cast: People) -> tuple[Account, Account]:
    two = tuple(Account(email=f"admin{number}@example.com", role="admin", password_hash=password_hash()) for number in (1, 2))
    db.session.add_all(two)
    db.session.commit()
    return two[0], two[1]


@pytest.fixture
def report(cast: People, admins: tuple[Account, Account]) -> Report:
    """ana reported bo."""
    Report.make(cast.ana, cast.bo.profile, "abuse", "<b>They</b> insult people.")
    db.session.commit()
    return db.session.scalars(select(Report)).one()


@pytest.fixture
def act(as_user: Login, report: Report) -> Callable[..., Any]:
    def do(admin: Account, verb: str, **said: Any) -> Any:
        return as_user(admin).post(f"/reports/{report.id}/{verb}", data={"note": f"To {verb} is right.", "base": 1, **said})

    return do


def log() -> list[tuple[str, str, str, str]]:
    return [(line.actor, line.verb, line.account, line.note) for line in db.session.scalars(Action.lines())]


def test_nobody_but_admins_finds_any_of_it(cast: People, as_user: Login, act: Callable[..., Any], report: Report, stranger: FlaskClient) -> None:
    for member in (cast.ana, cast.bo, cast.cy):
        for path in ("/reports", "/reports/list", "/reports/log", f"/reports/{report.id}", f"/reports/{report.id}/state"):
            assert as_user(member).get(path).status_code == 404, path
            assert stranger.get(path).location.startswith("/login")
        for verb in ("warn", "suspend", "dismiss", "restore"):
            assert act(member, verb).status_code == 404
    assert log() == [] and report.state == "open"


def test_a_new_report_appears_in_an_open_queue_at_once(cast: People, as_user: Login, admins: tuple[Account, Account]) -> None:
    client = as_user(admins[0])
    page = client.get("/reports").text
    assert "No reports" in page and 'data-live="reports@0"' in page

    as_user(cast.ana).post(f"/profiles/{cast.bo.profile.id}/report", data={"reason": "fraud"})

    answer: Any = client.post("/live/watch", data={"subjects": "reports@0"}).json
    assert answer["stale"] == {"reports": 1} and OwnVersion.of(admins[1], "reports") == 1
    listed = client.get("/reports/list").text
    assert "Nordlys Coffee" in listed and "Fraud" in listed and "by Ana Ruiz" in listed


def test_open_ones_come_first(cast: People, as_user: Login, admins: tuple[Account, Account], act: Callable[..., Any], report: Report) -> None:
    Report.make(cast.bo, cast.cy.profile, "spam", "")
    Report.make(cast.bo, cast.ana.profile, "fake", "")
    db.session.commit()
    as_user(admins[0]).post("/reports/3/dismiss", data={"note": "No", "base": 1})

    listed = as_user(admins[0]).get("/reports").text
    assert [listed.index(f'id="report-{id}"') for id in (2, 1, 3)] == sorted(listed.index(f'id="report-{id}"') for id in (1, 2, 3))


def test_one_report_shows_its_evidence_as_text(cast: People, as_user: Login, admins: tuple[Account, Account], report: Report) -> None:
    cast.bo.profile.revise({"name": "Another name"}, base=cast.bo.profile.version)
    db.session.commit()
    page = as_user(admins[0]).get(f"/reports/{report.id}").text

    assert "&lt;b&gt;They&lt;/b&gt; insult people." in page
    assert "Nordlys Coffee" in page and "Another name" not in page
    assert "Insults, threats or hate" in page and cast.ana.email in page


def test_a_warning_tells_the_member_the_reason_and_not_the_reporter(cast: People, as_user: Login, admins: tuple[Account, Account], act: Callable[..., Any], report: Report) -> None:
    assert act(admins[0], "warn").status_code == 303

    told = db.session.scalars(select(Notification).where(Notification.account_id == cast.bo.id)).one()
    assert (told.kind, told.profile_id) == ("warning", None) and "insults, threats or hate" in told.words.lower()
    assert "Ana" not in as_user(cast.bo).get("/notifications").text
    db.session.refresh(report)
    assert (report.state, log()) == ("warned", [(admins[0].email, "warn", cast.bo.email, "To warn is right.")])


def test_who_is_suspended_is_gone_and_restored_is_back(cast: People, as_user: Login, admins: tuple[Account, Account], act: Callable[..., Any], report: Report) -> None:
    member = as_user(cast.bo)
    act(admins[0], "suspend")

    assert member.get("/matches").status_code == 302
    assert as_user(cast.ana).get(f"/profiles/{cast.bo.profile.id}").status_code == 404
    assert "Restore account" in as_user(admins[0]).get(f"/reports/{report.id}").text

    assert act(admins[1], "restore", base=2).status_code == 303
    assert as_user(cast.ana).get(f"/profiles/{cast.bo.profile.id}").status_code == 200
    assert [line[1] for line in log()] == ["restore", "suspend"]
    page = as_user(admins[0]).get("/reports/log").text
    assert page.index("restored their account") < page.index("suspended their account") and "To suspend is right." in page


def test_of_two_admins_at_once_the_second_is_told(cast: People, as_user: Login, admins: tuple[Account, Account], act: Callable[..., Any], report: Report) -> None:
    assert act(admins[0], "dismiss").status_code == 303
    late = act(admins[1], "suspend")

    assert late.status_code == 409
    assert f"Meanwhile {admins[0].email} dismissed the report. Nothing else was done." in late.text and "To suspend is right." in late.text
    db.session.expire_all()
    assert (report.state, cast.bo.suspended_at, len(log())) == ("dismissed", None, 1)
    assert 'name="base" type="hidden" value="2"' in late.text, "who still wants to, may"


def test_the_same_button_pressed_twice_acts_once(admins: tuple[Account, Account], act: Callable[..., Any], report: Report) -> None:
    assert [act(admins[0], "warn").status_code for _ in range(2)] == [303, 303]
    assert len(log()) == 1


def test_what_is_closed_is_not_warned_or_dismissed_again(admins: tuple[Account, Account], act: Callable[..., Any], report: Report) -> None:
    act(admins[0], "dismiss")
    assert act(admins[0], "warn", base=2).status_code == 409
    assert act(admins[0], "suspend", base=2).status_code == 303


@pytest.mark.parametrize(("note", "words"), [("", "Please say why"), ("   ", "Please say why"), ("x" * 1_001, "at most 1,000"), ("a\x00", "invisible control")])
def test_without_a_note_nothing_is_done(note: str, words: str, admins: tuple[Account, Account], act: Callable[..., Any], report: Report) -> None:
    answer = act(admins[0], "suspend", note=note)
    assert answer.status_code == 422 and words in answer.text and log() == []


@pytest.mark.parametrize("value", ABSURD)
def test_absurd_fields_break_nothing(value: str, admins: tuple[Account, Account], act: Callable[..., Any], as_user: Login, report: Report) -> None:
    for field in ("note", "base"):
        assert act(admins[0], "dismiss", **{field: value}).status_code in (303, 409, 422)
    for path in ("/reports", "/reports/list", "/reports/log"):
        assert as_user(admins[0]).get(path, query_string={"page": value}).status_code == 200


def test_the_log_is_only_written_to(app: Flask, admins: tuple[Account, Account], act: Callable[..., Any], report: Report) -> None:
    act(admins[0], "dismiss")
    line = db.session.scalars(Action.lines()).one()
    line.note = "Something else"
    with pytest.raises(TypeError, match="only written to"):
        db.session.flush()
    db.session.rollback()
    db.session.delete(db.session.scalars(Action.lines()).one())
    with pytest.raises(TypeError, match="only written to"):
        db.session.flush()
    db.session.rollback()
    routes = [rule for rule in app.url_map.iter_rules() if "log" in rule.rule and rule.endpoint.startswith("reports.")]
    assert [sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}) for rule in routes] == [["GET"]]


def test_the_log_outlives_those_it_speaks_of(cast: People, admins: tuple[Account, Account], act: Callable[..., Any], report: Report) -> None:
    act(admins[0], "warn")
    email = cast.bo.email
    db.session.execute(text("DELETE FROM accounts WHERE id = :id"), {"id": cast.bo.id})
    db.session.commit()

    assert [line[:3] for line in log()] == [("admin1@example.com", "warn", email)]


def test_the_history_of_the_member_is_there(cast: People, as_user: Login, admins: tuple[Account, Account], act: Callable[..., Any], report: Report) -> None:
    act(admins[0], "warn")
    Report.make(cast.cy, cast.bo.profile, "fraud", "")
    db.session.commit()
    page = as_user(admins[1]).get("/reports/2").text

    assert "warned them" in page and f'href="/reports/{report.id}"' in page and "Other reports of this member" in page
