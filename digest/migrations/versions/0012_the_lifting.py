"""The lifting: what an operator lifted of the suppressions, why, and who it was."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table; nothing has been lifted yet."""
    op.create_table(
        "lifting",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("address_hash", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lifting")),
    )
    op.create_index(op.f("ix_lifting_address_hash"), "lifting", ["address_hash"])


def downgrade() -> None:
    """The evidence is lost; what was lifted stays lifted."""
    op.drop_table("lifting")
