"""reports and the log of what admins did

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reporter_id", sa.Integer(), nullable=False),
        sa.Column("reported_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'warned', 'suspended', 'dismissed')", name=op.f("ck_reports_state")),
        sa.CheckConstraint("length(words) <= 2000", name=op.f("ck_reports_words")),
        sa.ForeignKeyConstraint(["reported_id"], ["accounts.id"], name=op.f("fk_reports_reported_id_accounts"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["reporter_id"], ["accounts.id"], name=op.f("fk_reports_reporter_id_accounts"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
    )
    op.create_index("ix_reports_state", "reports", ["state", "created_at"])
    op.create_index(op.f("ix_reports_reported_id"), "reports", ["reported_id"])
    op.create_index(op.f("ix_reports_reporter_id"), "reports", ["reporter_id"])
    op.create_index(
        "uq_reports_open",
        "reports",
        ["reporter_id", "reported_id", "reason"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "report_actions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("verb", sa.String(length=10), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(length=254), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("account", sa.String(length=254), nullable=False),
        sa.Column("report_id", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("verb IN ('warn', 'suspend', 'dismiss', 'restore')", name=op.f("ck_report_actions_verb")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_report_actions_account_id_accounts"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["actor_id"], ["accounts.id"], name=op.f("fk_report_actions_actor_id_accounts"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"], name=op.f("fk_report_actions_report_id_reports"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_actions")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_report_actions_account_id"), "report_actions", ["account_id"])
    op.create_index(op.f("ix_report_actions_actor_id"), "report_actions", ["actor_id"])
    op.create_index(op.f("ix_report_actions_report_id"), "report_actions", ["report_id"])

    op.add_column("blocks", sa.Column("name", sa.String(length=80), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("blocks", "name")
    op.drop_table("report_actions")
    op.drop_table("reports")
