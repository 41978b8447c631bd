"""Alembic's chain for both packages, run by `digest.database.migrate` and never by itself."""
