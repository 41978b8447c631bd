"""What Alembic runs: always on the connection that `digest.database` hands over."""

from alembic import context

from digest.database.revisions import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables(),
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
