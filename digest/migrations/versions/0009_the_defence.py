"""The defence: tallies of what was asked for, shared by every process that serves."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table, of which nothing need be kept."""
    op.create_table(
        "tally",
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("rule", "name", "until", name=op.f("pk_tally")),
    )
    op.create_index(op.f("ix_tally_until"), "tally", ["until"])


def downgrade() -> None:
    """Forget them."""
    op.drop_table("tally")
