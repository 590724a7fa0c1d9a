"""The admins' own subject ``reports``: their queue."""

from blueprints.accounts.subjects import own_subject
from blueprints.reports.models import SUBJECT

own_subject(SUBJECT)
