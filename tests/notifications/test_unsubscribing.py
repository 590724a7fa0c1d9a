"""One press in an e-mail ends all e-mails: without logging in, by a person or by their mail program, and by nobody who holds no signed link."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeSerializer

from blueprints.accounts.models import Account, OwnVersion
from blueprints.extensions import db
from blueprints.notifications.kinds import BROWSER, EMAIL, IN_APP
from blueprints.notifications.models import Wishes
from blueprints.notifications.unsubscribing import token_of
from tests.conftest import People

Login = Callable[[Account], FlaskClient]


def wishes(account: Account) -> Wishes:
    db.session.expire_all()
    return Wishes.of(account)


def test_the_link_asks_first_and_the_button_does_it(ana: Account, bo: Account, stranger: FlaskClient) -> None:
    address = f"/unsubscribe/{token_of(ana)}"
    page = stranger.get(address)
    assert page.status_code == 200 and "Stop all e-mails" in page.text
    assert f'action="{address}"' in page.text
    assert "Ana" not in page.text and ana.email not in page.text, "who found the link learns nothing of her"
    assert wishes(ana).want_mail, "a program that only looks at the link changes nothing"

    done = stranger.post(address)

    assert done.status_code == 200, "a mail program follows no redirect"
    assert "Duet does not write to you any more" in done.text and "/settings" in done.text
    assert not wishes(ana).want_mail and wishes(bo).want_mail
    assert wishes(ana).by_kind["request"] == {IN_APP, BROWSER}, "the other ways stay"


def test_a_mail_program_does_it_by_itself(ana: Account, stranger: FlaskClient) -> None:
    """RFC 8058: a form with this one field, no cookie, no token of ours."""
    answer = stranger.post(f"/unsubscribe/{token_of(ana)}", data={"List-Unsubscribe": "One-Click"}, headers={"Accept": "*/*"})

    assert answer.status_code == 200
    assert not wishes(ana).want_mail


def test_twice_is_the_same_as_once(ana: Account, stranger: FlaskClient) -> None:
    for _ in range(2):
        assert stranger.post(f"/unsubscribe/{token_of(ana)}").status_code == 200
    before = OwnVersion.of(ana, "notifications")
    stranger.post(f"/unsubscribe/{token_of(ana)}")

    assert not wishes(ana).want_mail
    assert OwnVersion.of(ana, "notifications") == before


def test_it_can_be_switched_on_again(ana: Account, stranger: FlaskClient) -> None:
    stranger.post(f"/unsubscribe/{token_of(ana)}")
    mine = wishes(ana)
    mine.become({name: {*channels, EMAIL} for name, channels in mine.by_kind.items()})
    db.session.commit()

    assert wishes(ana).want_mail


def test_a_link_of_one_is_no_link_of_another(app: Flask, cast: People, stranger: FlaskClient) -> None:
    good = token_of(cast.ana)
    for_something_else = URLSafeSerializer(app.config["SECRET_KEY"], salt="something else").dumps(cast.bo.id)
    by_somebody_else = URLSafeSerializer("another secret", salt="unsubscribe").dumps(cast.bo.id)
    body, _, signature = token_of(cast.bo).partition(".")
    others = [for_something_else, by_somebody_else, good[:-1], f"{good}x", f"{body}.{good.partition('.')[2]}", body, signature, "nothing", "-1", "a.b.c", "\x00", "²"]

    for token in others:
        for method in ("GET", "POST"):
            answer = stranger.open(f"/unsubscribe/{quote(token)}", method=method)
            assert answer.status_code == 404, token
            assert "This link does not work" in answer.text and "nothing was changed" in answer.text
    assert wishes(cast.ana).want_mail and wishes(cast.bo).want_mail


def test_a_link_to_somebody_who_never_was_is_none(app: Flask, ana: Account, stranger: FlaskClient) -> None:
    nobody = Account(email="x@example.com", role="brand")
    nobody.id = 2**31 - 1
    assert stranger.get(f"/unsubscribe/{token_of(nobody)}").status_code == 404


@pytest.mark.parametrize("who", ["ana", "cy"])
def test_it_makes_no_difference_who_is_logged_in(who: str, cast: People, as_user: Login) -> None:
    client = as_user(getattr(cast, who))

    assert client.get(f"/unsubscribe/{token_of(cast.ana)}").status_code == 200
    assert client.post(f"/unsubscribe/{token_of(cast.ana)}").status_code == 200
    assert not wishes(cast.ana).want_mail and wishes(cast.cy).want_mail


def test_who_left_can_still_end_the_mail(ana: Account, stranger: FlaskClient) -> None:
    ana.deactivate()
    db.session.commit()

    assert stranger.post(f"/unsubscribe/{token_of(ana)}").status_code == 200
    assert not wishes(ana).want_mail
