"""The e-mail of what waits for somebody who is away: once, to the right person, about nobody they may not see, and never of what was said."""

import re
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from blueprints import mail
from blueprints.accounts.models import Account
from blueprints.extensions import db, utc_now
from blueprints.notifications import digest as digests
from blueprints.notifications.activity import Activity
from blueprints.notifications.digest import Digest
from blueprints.notifications.kinds import IN_APP, TABLE
from blueprints.notifications.models import Notification, Wishes
from blueprints.profiles.blocks import Block
from tests.conftest import People, app_on
from tests.notifications.post_office import PostOffice, open_office

Run = Callable[..., Result]
MakeAccount = Callable[..., Account]

HERE = "https://duet.example.com/app"


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with open_office() as opened:
        yield opened


@pytest.fixture
def run(app: Flask, office: PostOffice) -> Run:
    """``flask notifications digest``, by that server."""
    app.config.update(PUBLIC_URL=HERE, SMTP_SERVER=mail.server_at(office.url)[0], MAIL_FROM="Duet <duet@example.com>")
    return lambda *arguments: app.test_cli_runner().invoke(args=["notifications", "digest", *arguments])


def tell(account: Account, kind: str, about: Account | None = None, key: str = "", **data: Any) -> None:
    Notification.tell(account, kind, about.profile if about else None, key=key, **data)
    db.session.commit()


def tell_of_message(account: Account, about: Account) -> None:
    tell(account, "message", about, key="message:1", conversation=1)


def mailed(account: Account) -> list[bool]:
    db.session.expire_all()
    return [thing.emailed_at is not None for thing in db.session.scalars(select(Notification).where(Notification.account_id == account.id))]


def let_pass(hours: float) -> None:
    """As if that much time had gone by since the last digest."""
    for digest in db.session.scalars(select(Digest)):
        digest.sent_at = digest.sent_at and digest.sent_at - timedelta(hours=hours)
    db.session.commit()


def bodies(office: PostOffice, number: int = -1) -> tuple[str, str]:
    message = office.messages[number]
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain and html
    return plain.get_content(), html.get_content()


def test_who_is_away_is_written_what_waits(run: Run, office: PostOffice, cast: People) -> None:
    tell(cast.ana, "request", cast.bo, key="request:1")
    tell_of_message(cast.ana, cast.bo)
    tell_of_message(cast.ana, cast.bo)

    result = run()

    assert result.exit_code == 0, result.output
    assert "1 sent through 127.0.0.1; 0 not taken" in result.output
    assert office.recipients == [cast.ana.email]
    (message,) = office.messages
    assert message["Subject"] == "Nordlys Coffee asks to work with you, and 1 more"
    assert mailed(cast.ana) == [True, True]
    for body in bodies(office):
        assert "Ana Ruiz" in body and "Requests" in body and "Messages" in body
        assert "Nordlys Coffee asks to work with you" in body and "Nordlys Coffee wrote to you: 2 messages" in body
        assert f"{HERE}/profiles/{cast.bo.profile.id}" in body and f"{HERE}/messages/1" in body
        assert f"{HERE}/settings/notifications" in body and f"{HERE}/unsubscribe/" in body


def test_one_press_unsubscribes(run: Run, office: PostOffice, cast: People, stranger: FlaskClient) -> None:
    tell(cast.ana, "request", cast.bo)
    run()

    (message,) = office.messages
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = message["List-Unsubscribe"].strip("<>")
    assert address.startswith(f"{HERE}/unsubscribe/")
    assert stranger.post(address.removeprefix(HERE), data={"List-Unsubscribe": "One-Click"}).status_code == 200

    let_pass(hours=21)
    tell(cast.ana, "answer", cast.bo, state="accepted")
    tell(cast.ana, "warning")
    assert "0 sent" in run().output


def test_only_addresses_are_in_it_and_what_people_typed_is_text(run: Run, office: PostOffice, cast: People) -> None:
    cast.bo.profile.name = '<b>Bo</b> & "Co" https://evil.example'
    db.session.commit()
    tell(cast.ana, "request", cast.bo)
    run()

    plain, html = bodies(office)
    assert '<b>Bo</b> & "Co"' in plain
    assert "<b>Bo</b>" not in html and "&lt;b&gt;Bo&lt;/b&gt; &amp;" in html
    assert all(address.startswith(HERE) for address in re.findall(r'(?:href|src)="([^"]*)"', html))
    assert not re.search(r"<img|<script|<style|style=", html)


def test_what_was_mailed_is_not_mailed_again(run: Run, office: PostOffice, cast: People) -> None:
    tell(cast.ana, "request", cast.bo)
    run()
    let_pass(hours=21)

    assert "0 sent" in run().output
    assert len(office.raw) == 1


def test_no_more_than_one_in_twenty_hours(run: Run, office: PostOffice, cast: People) -> None:
    tell(cast.ana, "request", cast.bo)
    run()
    tell(cast.ana, "answer", cast.bo, state="accepted")
    let_pass(hours=19.9)
    assert "0 sent" in run().output

    let_pass(hours=0.2)
    assert "1 sent" in run().output
    assert "accepted your request" in bodies(office)[0] and "asks to work with you" not in bodies(office)[0]


def test_what_grew_since_is_news_again(run: Run, office: PostOffice, cast: People) -> None:
    tell_of_message(cast.ana, cast.bo)
    run()
    let_pass(hours=21)
    tell_of_message(cast.ana, cast.bo)

    assert "1 sent" in run().output
    assert "wrote to you: 2 messages" in bodies(office)[0]


@pytest.mark.parametrize("presence", ["online", "away"])
def test_who_is_here_is_not_written(presence: str, run: Run, office: PostOffice, cast: People) -> None:
    tell(cast.ana, "request", cast.bo)
    cast.ana.profile.presence = presence
    db.session.commit()
    assert "0 sent" in run().output and office.raw == []

    cast.ana.profile.presence = "offline"
    db.session.commit()
    assert "1 sent" in run().output


def test_what_was_read_is_not_mailed(run: Run, office: PostOffice, cast: People) -> None:
    tell(cast.ana, "request", cast.bo)
    Notification.read(cast.ana)
    db.session.commit()

    assert "0 sent" in run().output


def test_only_what_they_want_by_mail(run: Run, office: PostOffice, cast: People) -> None:
    tell(cast.ana, "request", cast.bo)
    tell(cast.ana, "answer", cast.bo, state="accepted")
    tell(cast.ana, "change", cast.bo, fields=("budget",))
    wishes = Wishes.of(cast.ana)
    wishes.become(dict(wishes.by_kind) | {"request": {IN_APP}})
    db.session.commit()
    run()

    plain, _ = bodies(office)
    assert "accepted your request" in plain
    assert "asks to work" not in plain and "budget" not in plain, "switched off, and off unless one switches it on"


def test_nothing_of_blocked_suspended_or_gone_people(run: Run, office: PostOffice, cast: People, make_account: MakeAccount) -> None:
    blocked, suspended, gone = (make_account("brand", name=name) for name in ("Blocked Inc", "Suspended Inc", "Gone Inc"))
    for brand in (blocked, suspended, gone):
        tell(cast.ana, "request", brand, key=f"request:{brand.id}")
        tell(brand, "request", cast.ana)
    Block.put(cast.ana, blocked)
    suspended.suspend()
    gone.deactivate()
    db.session.commit()

    assert "0 sent" in run().output, "nor are they written to"
    assert office.raw == []
    tell(cast.ana, "request", cast.bo)
    run()
    assert office.recipients == [cast.ana.email]
    assert not any(name in body for body in bodies(office) for name in ("Blocked", "Suspended", "Gone"))


def test_a_server_that_refuses_one_takes_the_others(run: Run, office: PostOffice, cast: People) -> None:
    for account, other in ((cast.ana, cast.bo), (cast.bo, cast.ana), (cast.cy, cast.bo)):
        tell(account, "request", other)
    office.refuse[cast.bo.email] = "550 No such person"

    result = run()

    assert result.exit_code == 0
    assert "2 sent" in result.output and f"{cast.bo.email}: not taken (550 No such person)" in result.output
    assert office.recipients == [cast.ana.email, cast.cy.email]
    assert mailed(cast.bo) == [False]
    office.refuse.clear()
    assert "0 sent" in run().output, "a dead address is tried once a day"
    let_pass(hours=21)
    assert "1 sent" in run().output


def test_what_the_server_takes_later_is_sent_later(run: Run, office: PostOffice, cast: People) -> None:
    tell(cast.ana, "request", cast.bo)
    office.refuse[cast.ana.email] = "451 Come back in a minute"
    assert "1 not taken" in run().output and mailed(cast.ana) == [False]

    office.refuse.clear()
    assert "1 sent" in run().output and mailed(cast.ana) == [True]


def test_without_the_server_nothing_is_marked(run: Run, app: Flask, cast: People, office: PostOffice) -> None:
    there = app.config["SMTP_SERVER"]
    app.config["SMTP_SERVER"] = mail.Server("127.0.0.1", 1, "where offered")
    tell(cast.ana, "request", cast.bo)
    tell(cast.bo, "request", cast.ana)

    result = run()

    assert result.exit_code == 1
    assert "the mail server 127.0.0.1:1 cannot be used" in result.output and "Traceback" not in result.output
    assert mailed(cast.ana) == [False]
    app.config["SMTP_SERVER"] = there
    assert "2 sent" in run().output, "nothing was claimed for good"


def test_two_runs_at_once_send_once(instance: Path, database: dict[str, str], app: Flask, run: Run, office: PostOffice, cast: People, make_account: MakeAccount) -> None:
    members = [cast.ana, *(make_account("creator") for _ in range(7))]
    for member in members:
        tell(member, "request", cast.bo)
    settings = {name: app.config[name] for name in ("PUBLIC_URL", "MAIL_FROM")} | {"SMTP_URL": office.url}
    both = threading.Barrier(2)
    outcomes: list[int] = []

    def send() -> None:
        with app_on(instance, database, **settings) as other, other.app_context(), mail.post(other.config) as post:
            both.wait(20)
            outcome = digests.Outcome()
            digests.send_all(other, post, lambda line: None, outcome)
            outcomes.append(outcome.sent)

    everybody = sorted(member.email for member in members)
    db.session.rollback()
    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sum(outcomes) == len(members) and len(outcomes) == 2
    assert sorted(office.recipients) == everybody


def test_a_claim_whose_run_died_is_taken_over_after_a_while(run: Run, office: PostOffice, cast: People) -> None:
    tell(cast.ana, "request", cast.bo)
    assert Digest.claim(cast.ana.id, utc_now())
    db.session.commit()
    assert "0 sent" in run().output

    db.session.execute(update(Digest).values(claimed_at=utc_now() - timedelta(minutes=16)))
    db.session.commit()
    assert "1 sent" in run().output


def test_what_comes_while_the_server_takes_it_is_not_lost(run: Run, app: Flask, office: PostOffice, cast: People) -> None:
    tell_of_message(cast.ana, cast.bo)
    letter = digests.claimed(app, cast.ana.id, utc_now())
    assert letter
    tell_of_message(cast.ana, cast.bo)
    letter.was_taken()
    db.session.commit()

    let_pass(hours=21)
    assert "1 sent" in run().output


def test_no_transaction_is_open_while_the_server_takes_it(app: Flask, run: Run, office: PostOffice, cast: People) -> None:
    """On SQLite nobody could save anything meanwhile."""
    tell(cast.ana, "request", cast.bo)
    letter = digests.claimed(app, cast.ana.id, utc_now())

    assert letter and not db.session().in_transaction()
    assert letter.message["To"] == letter.email == "creator1@example.com"
    assert not db.session().in_transaction(), "and asking the letter begins none"


def test_a_dry_run_prints_and_does_nothing(run: Run, office: PostOffice, cast: People) -> None:
    tell(cast.ana, "request", cast.bo)
    old = Activity(profile_id=cast.bo.profile.id, kind="changed", data={"what": ["budget"]}, happened_at=utc_now() - timedelta(days=91))
    db.session.add(old)
    db.session.commit()

    result = run("--dry-run")

    assert "To: creator1@example.com" in result.output and "Subject: Nordlys Coffee asks to work with you" in result.output
    assert "1 would be sent. Nothing was sent or marked." in result.output
    assert office.raw == [] and mailed(cast.ana) == [False]
    assert db.session.scalars(select(Digest)).all() == []
    assert "1 sent" in run().output


def test_without_a_server_letters_are_kept_in_the_outbox_and_it_says_so(app: Flask, run: Run, cast: People) -> None:
    app.config["SMTP_SERVER"] = None
    tell(cast.ana, "request", cast.bo)

    result = run()

    assert "1 sent as files to " in result.output and "outbox, since SMTP_URL names no server" in result.output
    assert len(list((app.config["INSTANCE_PATH"] / "outbox").glob("*.eml"))) == 1


def test_without_its_own_address_it_sends_nothing(app: Flask, run: Run, office: PostOffice, cast: People) -> None:
    app.config["PUBLIC_URL"] = None
    tell(cast.ana, "request", cast.bo)

    result = run()

    assert result.exit_code == 1 and "set PUBLIC_URL" in result.output and result.output.count("\n") == 1
    assert office.raw == []


def test_old_activity_is_forgotten(run: Run, cast: People) -> None:
    for days in (89, 91):
        db.session.add(Activity(profile_id=cast.bo.profile.id, kind="changed", data={"what": ["budget"]}, happened_at=utc_now() - timedelta(days=days)))
    db.session.commit()

    assert "Forgot 1 lines" in run().output
    assert len(db.session.scalars(select(Activity)).all()) == 1


def test_an_address_no_mail_can_go_to_stops_nobody(run: Run, office: PostOffice, cast: People) -> None:
    cast.ana.email = "ana\r\nBcc: all@example.com@example.com"
    db.session.commit()
    tell(cast.ana, "request", cast.bo)
    tell(cast.bo, "request", cast.ana)

    assert "1 sent" in run().output
    assert office.recipients == [cast.bo.email]


def test_what_cannot_be_written_to_one_stops_nobody_else(run: Run, office: PostOffice, cast: People) -> None:
    tell(cast.ana, "message", cast.bo)  # of no conversation: there is no such row, unless a mistake made it
    tell(cast.bo, "request", cast.ana)

    assert "cannot be written to" in run("--dry-run").output
    result = run()

    assert "1 sent" in result.output and f"account {cast.ana.id}: cannot be written to" in result.output
    assert office.recipients == [cast.bo.email] and mailed(cast.ana) == [False]


def test_who_was_here_a_moment_ago_without_a_stream_is_not_written(run: Run, office: PostOffice, cast: People, as_user: Callable[[Account], FlaskClient]) -> None:
    tell(cast.ana, "request", cast.bo)
    as_user(cast.ana)
    assert "0 sent" in run().output

    cast.ana.last_seen_at = utc_now() - timedelta(minutes=11)
    db.session.commit()
    assert "1 sent" in run().output


def test_more_than_fit_in_memory_are_gone_through_some_at_a_time(monkeypatch: pytest.MonkeyPatch, run: Run, office: PostOffice, cast: People, make_account: MakeAccount) -> None:
    monkeypatch.setattr(digests, "BATCH", 3)
    members = [cast.ana, *(make_account("creator") for _ in range(7))]
    for member in members:
        tell(member, "request", cast.bo)

    assert "8 sent" in run().output
    assert sorted(office.recipients) == sorted(member.email for member in members)
    assert office.connections == 1


def test_many_things_are_cut_short(run: Run, office: PostOffice, cast: People) -> None:
    for number in range(40):
        Notification.tell(cast.ana, "request", cast.bo.profile, key=f"request:{number}")
    db.session.commit()
    run()

    assert "And 10 more" in bodies(office)[0] and "And 10 more" in bodies(office)[1]
    assert mailed(cast.ana) == [True] * 40


def test_every_kind_has_a_heading() -> None:
    assert {kind.name for kind in TABLE} == set(digests.HEADINGS)
