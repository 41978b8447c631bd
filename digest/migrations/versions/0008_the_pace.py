"""The pace: budgets spent, connections held, breakers, domains that asked for less, the brake."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is spent yet; what is being sent is not watched by the brake any more."""
    op.create_table(
        "budget",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("flow", sa.DateTime(), nullable=True),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_budget")),
    )
    op.create_table(
        "holding",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sender", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", "sender", name=op.f("pk_holding")),
    )
    op.create_table(
        "breaker",
        sa.Column("relay", sa.String(), nullable=False),
        sa.Column("faults", sa.Integer(), nullable=False),
        sa.Column("opened", sa.DateTime(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("probing", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("relay", name=op.f("pk_breaker")),
    )
    op.create_table(
        "slowed",
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_slowed")),
    )
    # Not as a batch: it would copy the whole table, which is the largest there is.
    op.add_column("delivery", sa.Column("tried", sa.DateTime(), nullable=True))
    with op.batch_alter_table("sending") as table:
        table.add_column(sa.Column("settled", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("refused", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(
            sa.Column("watched", sa.Boolean(), nullable=False, server_default=sa.false())
        )


def downgrade() -> None:
    """What was spent, and who asked for less, is forgotten."""
    with op.batch_alter_table("delivery") as table:
        table.drop_column("tried")
    with op.batch_alter_table("sending") as table:
        table.drop_column("watched")
        table.drop_column("refused")
        table.drop_column("settled")
    for name in ("slowed", "breaker", "holding", "budget"):
        op.drop_table(name)
