"""The schedule: a row for each step of a due time, and what the last run left."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Due times that were acted on keep their issue; only the last of each may still be open."""
    # The key grows, and neither engine can change it in place under the same name.
    connection = op.get_bind()
    acted = connection.execute(sa.text("SELECT newsletter, due, acted FROM due")).all()
    issues = connection.execute(
        sa.text("SELECT newsletter, MAX(number) FROM issue GROUP BY newsletter")
    )
    newest = {row[0]: row[1] for row in issues.all()}
    last = {newsletter: due for newsletter, due, _ in sorted(acted, key=lambda row: str(row[1]))}
    op.drop_table("due")
    op.create_table(
        "due",
        sa.Column("newsletter", sa.String(), nullable=False),
        sa.Column("due", sa.DateTime(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("whom", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("newsletter", "due", "name", "key", "whom", name=op.f("pk_due")),
    )
    for newsletter, due, at in acted:
        still = last[newsletter] == due
        _insert(
            "INSERT INTO due (newsletter, due, name, key, whom, at, number, note)"
            " VALUES (:newsletter, :due, :name, '', '', :at, :number, :note)",
            newsletter=newsletter,
            due=due,
            name="drafted" if still else "closed",
            at=at,
            number=newest.get(newsletter, 0) if still else 0,
            note="" if still else "sent",
        )
    op.create_table(
        "pulse",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_pulse")),
    )


def downgrade() -> None:
    """Back to one row for each due time that was acted on."""
    op.drop_table("pulse")
    acted = op.get_bind().execute(
        sa.text(
            "SELECT newsletter, due, MIN(at) FROM due WHERE name IN ('drafted', 'closed')"
            " GROUP BY newsletter, due"
        )
    )
    rows = acted.all()
    op.drop_table("due")
    op.create_table(
        "due",
        sa.Column("newsletter", sa.String(), nullable=False),
        sa.Column("due", sa.DateTime(), nullable=False),
        sa.Column("acted", sa.DateTime(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("newsletter", "due", name=op.f("pk_due")),
    )
    for newsletter, due, at in rows:
        _insert(
            "INSERT INTO due (newsletter, due, acted, note)"
            " VALUES (:newsletter, :due, :at, 'drafted')",
            newsletter=newsletter,
            due=due,
            at=at,
        )


def _insert(statement: str, **values: object) -> None:
    # Times come back as each engine stored them, and go in again as they are.
    op.get_bind().execute(sa.text(statement), values)
