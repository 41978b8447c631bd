"""Stories: how sources fare, lists by kind, what editors decide, carried articles in full."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _listed() -> list[sa.Column[object]]:
    return [
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("headline", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("section", sa.String(), nullable=False),
        sa.Column("seen", sa.DateTime(), nullable=False),
    ]


def upgrade() -> None:
    """Widen the archive; issues that were prepared before are carried over."""
    with op.batch_alter_table("source") as table:
        for name, kind in (
            ("place", sa.Text()),
            ("moved_to", sa.Text()),
            ("answered", sa.Text()),
            ("body_hash", sa.String()),
        ):
            table.add_column(sa.Column(name, kind, nullable=False, server_default=""))
        table.add_column(sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("not_before", sa.DateTime(), nullable=True))
        table.add_column(sa.Column("succeeded", sa.DateTime(), nullable=True))
    with op.batch_alter_table("article") as table:
        table.add_column(sa.Column("sectors", sa.JSON(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("changed", sa.DateTime(), nullable=True))
    op.execute("UPDATE article SET changed = first_seen")
    with op.batch_alter_table("article") as table:
        table.alter_column("changed", existing_type=sa.DateTime(), nullable=False)
    # Filled by the first draft: it is drawn from the articles.
    op.create_table(
        "outline",
        sa.Column("article_id", sa.Integer(), nullable=False),
        sa.Column("story", sa.Integer(), nullable=False),
        sa.Column("moment", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column(
            "key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("belongs", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("faults", sa.Integer(), nullable=False),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"],
            ["article.id"],
            name=op.f("fk_outline_article_id_article"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("article_id", name=op.f("pk_outline")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_outline_fingerprint")),
    )
    for name in ("story", "moment", "key", "stale"):
        op.create_index(op.f(f"ix_outline_{name}"), "outline", [name])
    # Lists are read anew with every collection: what they held need not be carried over.
    op.drop_table("listed")
    op.create_table(
        "listed",
        *_listed(),
        sa.Column("kind", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("source", "kind", "rank", name=op.f("pk_listed")),
    )
    op.create_table(
        "decision",
        sa.Column("newsletter", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("pinned", sa.Boolean(), nullable=False),
        sa.Column("section", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("excluded", sa.Boolean(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("headline", sa.Text(), nullable=False),
        sa.Column("dek", sa.Text(), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("newsletter", "fingerprint", name=op.f("pk_decision")),
    )
    with op.batch_alter_table("story") as table:
        table.add_column(sa.Column("article", sa.JSON(), nullable=False, server_default="{}"))
        table.drop_column("headline_key")
    _stories_from_manifests()


def _stories_from_manifests() -> None:
    connection = op.get_bind()
    issues = connection.execute(sa.text("SELECT id, manifest FROM issue")).all()
    for issue_id, text in issues:
        manifest = json.loads(text)
        position = 0
        for section in manifest["sections"]:
            section["stories"] = [{"article": story} for story in section["stories"]]
            for story in section["stories"]:
                connection.execute(
                    sa.text("UPDATE story SET article = :a WHERE issue_id = :i AND position = :p"),
                    {"a": json.dumps(story["article"]), "i": issue_id, "p": position},
                )
                position += 1
        connection.execute(
            sa.text("UPDATE issue SET manifest = :m WHERE id = :i"),
            {"m": json.dumps(manifest), "i": issue_id},
        )


def downgrade() -> None:
    """Back to the first tables; decisions are lost."""
    with op.batch_alter_table("story") as table:
        table.add_column(sa.Column("headline_key", sa.Text(), nullable=False, server_default=""))
        table.drop_column("article")
    op.drop_table("decision")
    op.drop_table("outline")
    op.drop_table("listed")
    op.create_table(
        "listed",
        *_listed(),
        sa.PrimaryKeyConstraint("source", "rank", name=op.f("pk_listed")),
    )
    with op.batch_alter_table("article") as table:
        table.drop_column("changed")
        table.drop_column("sectors")
    with op.batch_alter_table("source") as table:
        for name in ("place", "moved_to", "answered", "body_hash", "failures", "not_before"):
            table.drop_column(name)
        table.drop_column("succeeded")
