"""what both sides want of each other, marks, saved searches

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CREATORS_HAVE_NONE = (
    "role = 'brand' OR (industry IS NULL AND budget_min IS NULL AND budget_max IS NULL AND audience_min IS NULL"
    " AND audience_max IS NULL{} AND company_size IS NULL AND website = '')"
)
BRANDS_HAVE_NONE = "role = 'creator' OR (audience_size IS NULL AND engagement_rate IS NULL AND rate IS NULL{})"


def upgrade() -> None:
    with op.batch_alter_table("profiles") as profiles:
        for name in ("industries", "musts", "dont_minds"):
            profiles.add_column(sa.Column(name, sa.Text(), nullable=False, server_default=""))
        profiles.add_column(sa.Column("works_remotely", sa.Boolean(), nullable=False, server_default=sa.false()))
        profiles.add_column(sa.Column("max_km", sa.Integer(), nullable=True))
        profiles.add_column(sa.Column("match_version", sa.Integer(), nullable=False, server_default="1"))
        profiles.drop_constraint(op.f("ck_profiles_brand_fields"), type_="check")
        profiles.drop_constraint(op.f("ck_profiles_creator_fields"), type_="check")
        profiles.create_check_constraint(op.f("ck_profiles_brand_fields"), CREATORS_HAVE_NONE.format(""))
        profiles.create_check_constraint(op.f("ck_profiles_creator_fields"), BRANDS_HAVE_NONE.format(" AND industries = ''"))
        profiles.create_check_constraint(op.f("ck_profiles_max_km"), "max_km BETWEEN 1 AND 20000")
    op.execute("UPDATE profiles SET match_version = (SELECT version FROM accounts WHERE accounts.id = profiles.account_id)")
    with op.batch_alter_table("profiles") as profiles:
        for name in ("industries", "musts", "dont_minds", "works_remotely", "match_version"):
            profiles.alter_column(name, server_default=None)
    with op.batch_alter_table("accounts") as accounts:
        accounts.create_index(op.f("ix_accounts_last_seen_at"), ["last_seen_at"])
    op.create_table(
        "marks",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("profile_id", sa.Integer(), nullable=False),
        sa.Column("saved_at", sa.DateTime(), nullable=True),
        sa.Column("hidden_at", sa.DateTime(), nullable=True),
        sa.Column("seen_version", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_marks_account_id_accounts"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["profile_id"], ["profiles.id"], name=op.f("fk_marks_profile_id_profiles"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "profile_id", name=op.f("pk_marks")),
    )
    op.create_index(op.f("ix_marks_profile_id"), "marks", ["profile_id"])
    op.create_table(
        "saved_searches",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 60", name=op.f("ck_saved_searches_name")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_saved_searches_account_id_accounts"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_searches")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_saved_searches_account_id")),
    )
    op.create_index(op.f("ix_saved_searches_account_id"), "saved_searches", ["account_id"])


def downgrade() -> None:
    op.drop_table("saved_searches")
    op.drop_table("marks")
    with op.batch_alter_table("accounts") as accounts:
        accounts.drop_index(op.f("ix_accounts_last_seen_at"))
    op.execute("UPDATE profiles SET campaign_types = '' WHERE role = 'creator'")  # the version before knew none of theirs
    with op.batch_alter_table("profiles") as profiles:
        profiles.drop_constraint(op.f("ck_profiles_max_km"), type_="check")
        profiles.drop_constraint(op.f("ck_profiles_brand_fields"), type_="check")
        profiles.drop_constraint(op.f("ck_profiles_creator_fields"), type_="check")
        profiles.create_check_constraint(op.f("ck_profiles_brand_fields"), CREATORS_HAVE_NONE.format(" AND campaign_types = ''"))
        profiles.create_check_constraint(op.f("ck_profiles_creator_fields"), BRANDS_HAVE_NONE.format(""))
        for name in ("match_version", "max_km", "works_remotely", "dont_minds", "musts", "industries"):
            profiles.drop_column(name)
