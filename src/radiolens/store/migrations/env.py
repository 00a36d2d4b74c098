"""What Alembic runs to apply the steps: in the transaction of `migration.upgrade`, which opens the database."""

from __future__ import annotations

from alembic import context

from radiolens.store import schema

__all__: list[str] = []

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.UserRow.metadata,
    render_as_batch=True,  # SQLite changes a column by copying its table
    transactional_ddl=True,  # SQLite, too: one transaction is held around all steps
)
with context.begin_transaction():
    context.run_migrations()
