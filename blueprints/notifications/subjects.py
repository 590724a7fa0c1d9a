"""The own subject ``notifications``: one's list of them."""

from blueprints.accounts.subjects import own_subject
from blueprints.notifications.models import SUBJECT

own_subject(SUBJECT)
