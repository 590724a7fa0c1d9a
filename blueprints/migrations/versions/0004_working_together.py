"""working together

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


PROFILES = {
    "presence": "VARCHAR(10) NOT NULL DEFAULT 'offline' CONSTRAINT ck_profiles_presence CHECK (presence IN ('online', 'away', 'offline'))",
    "presence_version": "INTEGER NOT NULL DEFAULT 0",
    "presence_to": "VARCHAR(12) NOT NULL DEFAULT 'all' CONSTRAINT ck_profiles_presence_to CHECK (presence_to IN ('all', 'connections', 'nobody'))",
    "shows_reading": "BOOLEAN NOT NULL DEFAULT true",
    "shows_typing": "BOOLEAN NOT NULL DEFAULT true",
}
COUNTS = ("waiting_requests", "unread_messages", "unread_notifications")


def upgrade() -> None:
    """Columns are added one by one: a batch would make accounts and profiles anew on SQLite, without the triggers of the search, and empty what refers to them."""
    op.create_table(
        "blocks",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("blocked_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_blocks_account_id_accounts"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["blocked_id"], ["accounts.id"], name=op.f("fk_blocks_blocked_id_accounts"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "blocked_id", name=op.f("pk_blocks")),
    )
    op.create_index(op.f("ix_blocks_blocked_id"), "blocks", ["blocked_id"])

    op.create_table(
        "own_versions",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_own_versions_account_id_accounts"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "subject", name=op.f("pk_own_versions")),
    )
    op.create_table(
        "presences",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=16), nullable=False),
        sa.Column("is_visible", sa.Boolean(), nullable=False),
        sa.Column("alive_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_presences_account_id_accounts"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "worker", name=op.f("pk_presences")),
    )
    op.create_index(op.f("ix_presences_alive_at"), "presences", ["alive_at"])

    op.create_table(
        "requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("creator_id", sa.Integer(), nullable=False),
        sa.Column("brand_id", sa.Integer(), nullable=False),
        sa.Column("sender_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("timing", sa.String(length=120), nullable=False),
        sa.Column("budget_min", sa.Integer(), nullable=True),
        sa.Column("budget_max", sa.Integer(), nullable=True),
        sa.Column("deliverables", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("answered_at", sa.DateTime(), nullable=True),
        sa.Column("superseded_at", sa.DateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("state IN ('pending', 'accepted', 'declined', 'withdrawn', 'expired', 'ended')", name=op.f("ck_requests_state")),
        sa.CheckConstraint("budget_max BETWEEN 1 AND 1000000", name=op.f("ck_requests_budget_max")),
        sa.CheckConstraint("budget_min <= budget_max", name=op.f("ck_requests_budget_order")),
        sa.CheckConstraint("budget_min BETWEEN 1 AND 1000000", name=op.f("ck_requests_budget_min")),
        sa.CheckConstraint("length(what) BETWEEN 1 AND 1000", name=op.f("ck_requests_what")),
        sa.CheckConstraint("sender_id IN (creator_id, brand_id)", name=op.f("ck_requests_sender")),
        sa.ForeignKeyConstraint(["brand_id"], ["accounts.id"], name=op.f("fk_requests_brand_id_accounts"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["creator_id"], ["accounts.id"], name=op.f("fk_requests_creator_id_accounts"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["sender_id"], ["accounts.id"], name=op.f("fk_requests_sender_id_accounts"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
    )
    op.create_index(op.f("ix_requests_brand_id"), "requests", ["brand_id"])
    op.create_index(op.f("ix_requests_creator_id"), "requests", ["creator_id"])
    op.create_index(
        "ix_requests_expires_at",
        "requests",
        ["expires_at"],
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(op.f("ix_requests_sender_id"), "requests", ["sender_id"])
    op.create_index(
        "uq_requests_pair",
        "requests",
        ["creator_id", "brand_id"],
        unique=True,
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.add_column("accounts", sa.Column("suspended_at", sa.DateTime(), nullable=True))
    for name in COUNTS:
        op.add_column("accounts", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("profiles", sa.Column("presence_since", sa.DateTime(), nullable=True))
    for name, kind in PROFILES.items():
        op.execute(f"ALTER TABLE profiles ADD COLUMN {name} {kind}")


def downgrade() -> None:
    for name in ("presence_since", *PROFILES):
        op.drop_column("profiles", name)
    for name in ("suspended_at", *COUNTS):
        op.drop_column("accounts", name)
    op.drop_index(
        "uq_requests_pair",
        table_name="requests",
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.drop_index(op.f("ix_requests_sender_id"), table_name="requests")
    op.drop_index(
        "ix_requests_expires_at",
        table_name="requests",
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.drop_index(op.f("ix_requests_creator_id"), table_name="requests")
    op.drop_index(op.f("ix_requests_brand_id"), table_name="requests")

    op.drop_table("requests")
    op.drop_index(op.f("ix_presences_alive_at"), table_name="presences")

    op.drop_table("presences")
    op.drop_table("own_versions")
    op.drop_index(op.f("ix_blocks_blocked_id"), table_name="blocks")

    op.drop_table("blocks")
