"""Two who are connected write to each other."""

from collections.abc import Callable

from flask.testing import FlaskClient

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.messages.models import Conversation

Login = Callable[[Account], FlaskClient]


def test_a_message_is_on_the_other_persons_page(talk: Conversation, ana: Account, bo: Account, as_user: Login) -> None:
    sent = as_user(ana).post(f"/messages/{talk.id}", data={"text": "Hello there", "client_id": "12345678"})
    assert sent.status_code == 303

    page = as_user(bo).get(f"/messages/{talk.id}")
    assert "Hello there" in page.text
    assert "Hello there" in as_user(bo).get("/messages").text
    db.session.expire_all()
    assert bo.unread_messages == 1
