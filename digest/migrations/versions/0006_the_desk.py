"""The desk: every step of an issue is kept, and an editor may choose the picture."""

import zlib

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Issues are at version 0, and that of those which can still be changed is their first step."""
    with op.batch_alter_table("issue") as table:
        table.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("decision") as table:
        table.add_column(sa.Column("image", sa.JSON(), nullable=True))
    op.create_table(
        "edit",
        sa.Column("issue_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("change", sa.JSON(), nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=True),
        sa.Column("decisions", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["issue_id"],
            ["issue.id"],
            name=op.f("fk_edit_issue_id_issue"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("issue_id", "version", name=op.f("pk_edit")),
    )
    _first_steps()


def _first_steps() -> None:
    connection = op.get_bind()
    issues = connection.execute(
        sa.text(
            "SELECT id, manifest, prepared_at FROM issue WHERE state IN ('draft', 'approved')"
        ).columns(prepared_at=sa.DateTime())
    ).all()
    edit = sa.table(
        "edit", sa.column("issue_id"), sa.column("version"), sa.column("at", sa.DateTime()),
        sa.column("by"), sa.column("kind"), sa.column("change", sa.JSON()),
        sa.column("manifest", sa.LargeBinary()), sa.column("decisions", sa.JSON()),
    )  # fmt: skip
    for number, manifest, prepared in issues:
        step = {"issue_id": number, "version": 0, "at": prepared, "by": "", "kind": "drafted"}
        step |= {"change": {}, "decisions": {"before": {}, "after": {}}}
        connection.execute(edit.insert().values(manifest=zlib.compress(manifest.encode()), **step))


def downgrade() -> None:
    """The steps are lost; the issues stay as they are now."""
    op.drop_table("edit")
    with op.batch_alter_table("decision") as table:
        table.drop_column("image")
    with op.batch_alter_table("issue") as table:
        table.drop_column("version")
