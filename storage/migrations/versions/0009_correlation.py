"""What kind an incident is of, and why it is listed beneath another."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0009"
down_revision: str | None = "0007"
branch_labels: str | None = None
depends_on: str | None = None

_INCIDENT = ("kind", "because", "grouped_by", "found")


def _words(length: int) -> TypeEngine[str]:
    return sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    for column in (
        sa.Column("kind", _words(40), nullable=False, server_default="fault"),
        sa.Column("because", sa.Text(), nullable=False, server_default="[]"),
        sa.Column("grouped_by", _words(200), nullable=False, server_default=""),
        sa.Column("found", sa.Text(), nullable=False, server_default="{}"),
    ):
        op.add_column("incidents", column)
    op.create_index("ix_incidents_kind", "incidents", ["kind"])


def downgrade() -> None:
    op.drop_index("ix_incidents_kind", "incidents")
    for column in reversed(_INCIDENT):
        op.drop_column("incidents", column)
