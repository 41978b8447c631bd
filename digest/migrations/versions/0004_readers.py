"""Readers: what they chose in full, the proof of consent, the outbox of sign-ups, reports."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen the roster."""
    # Nothing asks by it: suppressions are found from their own side. It made long lists slow.
    op.drop_index(op.f("ix_subscriber_address_hash"), "subscriber")
    with op.batch_alter_table("subscriber") as table:
        table.add_column(sa.Column("language", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("subscription") as table:
        table.add_column(sa.Column("sectors", sa.JSON(none_as_null=True), nullable=True))
        table.add_column(sa.Column("frequency", sa.String(), nullable=False, server_default="each"))
        table.add_column(sa.Column("paused_until", sa.DateTime(), nullable=True))
    with op.batch_alter_table("consent_event") as table:
        table.add_column(sa.Column("story", sa.Integer(), nullable=True))
        for name in ("wording", "ip", "agent"):
            table.add_column(sa.Column(name, sa.String(), nullable=False, server_default=""))
    _tables()


def _tables() -> None:
    op.create_table(
        "wording",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_wording")),
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("newsletter", "kind")),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("address", "state")),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("due", sa.DateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("used_at", sa.DateTime(), nullable=True),
        _of_subscriber("notice"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_notice_state_due"), "notice", ["state", "due"])
    op.create_index(op.f("ix_notice_subscriber_id"), "notice", ["subscriber_id"])
    op.create_table(
        "report",
        sa.Column("id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("fingerprint", "kind")),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("fault", "source")),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=True),
        sa.Column("issue", sa.Integer(), nullable=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("recipient", "status")),
        sa.Column("diagnostic", sa.Text(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("did", sa.String(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        _of_subscriber("report"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_report_fingerprint")),
        sqlite_autoincrement=True,
    )
    for columns in (["subscriber_id", "at"], ["kind"], ["issue"]):
        op.create_index(op.f(f"ix_report_{'_'.join(columns)}"), "report", columns)
    op.create_table(
        "feedback",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("issue", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        _of_subscriber("feedback"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
        sa.UniqueConstraint("issue", "subscriber_id", name=op.f("uq_feedback_issue_subscriber_id")),
    )
    op.create_index(op.f("ix_feedback_subscriber_id"), "feedback", ["subscriber_id"])


def _of_subscriber(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["subscriber_id"],
        ["subscriber.id"],
        name=op.f(f"fk_{table}_subscriber_id_subscriber"),
        ondelete="CASCADE",
    )


def downgrade() -> None:
    """Back to what was chosen by section and format alone; reports and proof are lost."""
    for table in ("feedback", "report", "notice", "wording"):
        op.drop_table(table)
    # Not in batches: those make a table anew, and dropping the old one would cascade on SQLite.
    for table, names in (
        ("consent_event", ("story", "wording", "ip", "agent")),
        ("subscription", ("sectors", "frequency", "paused_until")),
        ("subscriber", ("language",)),
    ):
        for name in names:
            op.drop_column(table, name)
    op.create_index(op.f("ix_subscriber_address_hash"), "subscriber", ["address_hash"])
