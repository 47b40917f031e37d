"""Runs the migrations on the connection that `storage.migrate` hands over, in its transaction."""

from alembic import context

from storage.notice_tables import notices as notices  # its tables are on the same metadata
from storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by making it anew
)
context.run_migrations()
