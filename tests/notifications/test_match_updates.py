"""A changed score and a new face show at once wherever somebody is shown: what shows them says so, and is fetched anew."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.messages.models import Conversation
from tests.conftest import People
from tests.notifications.test_being_told import connect, revise, save, write

Login = Callable[[Account], FlaskClient]
PAGES = ("/matches/saved", "/messages", "/messages/{talk}", "/notifications", "/activity", "/profiles/{ana}", "/matches")


@pytest.fixture
def talk(cast: People) -> Conversation:
    """bo saved ana, is connected with her, and has a message from her to read."""
    save(cast.bo, cast.ana.profile)
    talk = connect(cast.ana, cast.bo)
    write(talk, cast.ana, "Hello")
    revise(cast.ana, rate=950)  # something for the activity page
    return talk


def live_elements(client: FlaskClient, path: str) -> list[tuple[str, str]]:
    """What each says it shows, and where it is fetched anew."""
    page = client.get(path)
    assert page.status_code == 200, path
    return [(shown, url.replace("&amp;", "&")) for shown, url in re.findall(r'data-live="([^"]+)" hx-get="([^"]+)"', page.text)]


@pytest.mark.parametrize("page", PAGES)
def test_a_new_face_of_somebody_shows_on_every_page_that_shows_them(page: str, talk: Conversation, cast: People, as_user: Login) -> None:
    path, client = page.format(talk=talk.id, ana=cast.ana.profile.id), as_user(cast.bo)
    subject = f"profile:{cast.ana.profile.id}"
    shown = [(words, url) for words, url in live_elements(client, path) if subject in re.sub(r"@\d+", "", words).split()]
    assert shown, "something there is live on who is shown"
    before = cast.ana.profile.version

    revise(cast.ana, avatar="a" * 64)

    new = [client.get(url).text for words, url in shown]
    assert any("a" * 64 in fragment for fragment in new)
    assert any(f"{subject}@{before + 1}" in fragment for fragment in new)
    assert subject not in " ".join(words for words, _ in live_elements(as_user(cast.cy), "/matches")), "nobody else's"


def test_a_changed_score_shows_on_the_saved_card_with_what_changed(talk: Conversation, cast: People, as_user: Login) -> None:
    client = as_user(cast.bo)
    [(shown, url)] = [(words, url) for words, url in live_elements(client, "/matches/saved") if f"match:{cast.ana.profile.id}" in words]
    before = re.search(r'class="ring[^>]*aria-label="([^"]+)"', client.get(url).text)
    revise(cast.ana, rate=90_000, engagement_rate=0.1)
    db.session.expire_all()

    card = client.get(url).text
    after = re.search(r'class="ring[^>]*aria-label="([^"]+)"', card)
    assert before and after and before[1] != after[1]
    assert "rate" in card and shown not in card
