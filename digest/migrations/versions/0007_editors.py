"""Editors: who may sit at it, and who is logged in."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody has an account yet: `digest editors add` makes the first."""
    op.create_table(
        "editor",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("added", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_editor")),
    )
    op.create_table(
        "login",
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["name"], ["editor.name"], name=op.f("fk_login_name_editor"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_login")),
    )
    op.create_index(op.f("ix_login_name"), "login", ["name"])


def downgrade() -> None:
    """Nobody has an account any more."""
    op.drop_table("login")
    op.drop_table("editor")
