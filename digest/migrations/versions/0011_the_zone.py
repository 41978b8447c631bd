"""The zone: a reader may say by whose clock an issue is to come."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Everybody has the newsletter's."""
    # Not as a batch: it would copy the whole roster.
    op.add_column(
        "subscriber", sa.Column("timezone", sa.String(), nullable=False, server_default="")
    )


def downgrade() -> None:
    """What readers chose is forgotten."""
    with op.batch_alter_table("subscriber") as table:
        table.drop_column("timezone")
