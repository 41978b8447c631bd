"""The send: who is at work, what operators decide, and what was held by whom."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

HELD = "state IN ('claimed', 'inflight')"


def upgrade() -> None:
    """Senders get numbers. What was inflight belongs to number 0, which nobody has."""
    op.create_table(
        "sender",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("began", sa.DateTime(), nullable=False),
        sa.Column("lease", sa.DateTime(), nullable=False),
        sa.Column("ended", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sender")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "sending",
        sa.Column("issue_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("recipients", sa.Integer(), nullable=False),
        sa.Column("control", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_sending_issue_id_issue")),
        sa.PrimaryKeyConstraint("issue_id", name=op.f("pk_sending")),
    )
    op.create_table(
        "intervention",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("subscriber", sa.Integer(), nullable=False),
        sa.Column("was", sa.String(), nullable=False),
        sa.Column("became", sa.String(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["issue_id"], ["issue.id"], name=op.f("fk_intervention_issue_id_issue")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intervention")),
    )
    op.create_index(op.f("ix_intervention_issue_id"), "intervention", ["issue_id"])
    with op.batch_alter_table("delivery") as table:
        table.add_column(sa.Column("sender", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("relay", sa.String(), nullable=False, server_default=""))
        table.drop_column("owner")
        table.drop_column("lease")
    op.create_index(
        "ix_delivery_held",
        "delivery",
        ["sender"],
        sqlite_where=sa.text(HELD),
        postgresql_where=sa.text(HELD),
    )
    op.execute(
        "INSERT INTO sending (issue_id, recipients, control, why, by, at)"
        " SELECT issue_id, count(*), 'go', '', '', min(frozen) FROM delivery GROUP BY issue_id"
    )


def downgrade() -> None:
    """Back to owners by name; what operators decided is lost."""
    op.drop_index("ix_delivery_held", table_name="delivery")
    with op.batch_alter_table("delivery") as table:
        table.add_column(sa.Column("owner", sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("lease", sa.DateTime(), nullable=True))
        table.drop_column("sender")
        table.drop_column("relay")
    op.drop_table("intervention")
    op.drop_table("sending")
    op.drop_table("sender")
