"""Runs the missing steps on the connection that the store hands over, one runner at a time."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

LOCK = 5_730_012  # any number that is ours, for PostgreSQL's advisory lock

connection = context.config.attributes["connection"]
if connection.dialect.name == "postgresql":
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
context.configure(connection=connection, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
