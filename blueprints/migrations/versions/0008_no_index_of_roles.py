"""no index of roles, which led SQLite through half of all profiles to find the few of a conversation

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_profiles_role", table_name="profiles")


def downgrade() -> None:
    op.create_index("ix_profiles_role", "profiles", ["role"])
