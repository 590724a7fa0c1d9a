"""ana and bo are connected and have a conversation."""

import pytest
from sqlalchemy import select

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.messages.models import Conversation
from blueprints.requests.models import Request
from tests.conftest import People


def connect(creator: Account, brand: Account) -> Conversation:
    request = Request.send(creator, brand.profile, {"what": "A film about coffee"})
    request.answer(brand, accept=True)
    db.session.commit()
    return db.session.scalars(select(Conversation).filter_by(creator_id=creator.id, brand_id=brand.id)).one()


@pytest.fixture
def talk(cast: People) -> Conversation:
    return connect(cast.ana, cast.bo)
