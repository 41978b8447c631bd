"""The questions: who left by an issue, and what was mailed to an address, found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

NAMED = sa.text("issue IS NOT NULL")


def upgrade() -> None:
    """Notices get the key of their address: an address of ours is ASCII, so `lower` makes it.

    No table is built anew: on SQLite a copy of `notice` would give numbers of old links again.
    """
    op.create_index(
        op.f("ix_consent_event_issue"), "consent_event", ["issue"],
        sqlite_where=NAMED, postgresql_where=NAMED,
    )  # fmt: skip
    key = sa.Column("address_key", sa.String(), nullable=False, server_default="")
    op.add_column("notice", key)
    op.execute("UPDATE notice SET address_key = lower(address)")
    op.create_index(op.f("ix_notice_address_key"), "notice", ["address_key"])


def downgrade() -> None:
    """Nothing is lost but time."""
    op.drop_index(op.f("ix_notice_address_key"), "notice")
    op.drop_column("notice", "address_key")
    op.drop_index(op.f("ix_consent_event_issue"), "consent_event")
