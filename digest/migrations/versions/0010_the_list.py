"""The list: written in portions, so each sending says how far its own is."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Lists that are there are whole."""
    with op.batch_alter_table("sending") as table:
        table.add_column(sa.Column("opened", sa.DateTime(), nullable=True))
        table.add_column(sa.Column("last", sa.Integer(), nullable=True))
    op.execute("UPDATE sending SET opened = at")
    with op.batch_alter_table("sending") as table:
        table.alter_column("opened", existing_type=sa.DateTime(), nullable=False)


def downgrade() -> None:
    """A list that was being written looks whole then: end its issue before."""
    with op.batch_alter_table("sending") as table:
        table.drop_column("last")
        table.drop_column("opened")
