"""Why an incident is listed beneath another, what each trip reached, and why a device was asked."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0009"
down_revision: str | None = "0007"
branch_labels: str | None = None
depends_on: str | None = None

_COMMAND = ("origin", "by", "because")
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
    for column in (
        sa.Column("origin", _words(40), nullable=False, server_default="event"),
        sa.Column("by", _words(200), nullable=False, server_default=""),
        sa.Column("because", sa.Text(), nullable=False, server_default="[]"),
    ):
        op.add_column("commands", column)
    op.create_index("ix_commands_device_id", "commands", ["device_id", "created_at_us"])
    op.create_table(
        "device_cares",
        sa.Column("device_id", _words(200), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.Column("tested_at_us", sa.BigInteger(), nullable=True),
        sa.Column("tested_by", _words(200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", name="pk_device_cares"),
    )
    op.create_table(
        "disturbances",
        sa.Column("disturbance_id", sa.Uuid(), nullable=False),
        sa.Column("asset_id", _words(200), nullable=False),
        sa.Column("station", _words(200), nullable=False),
        sa.Column("bay", _words(200), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("started_at_us", sa.BigInteger(), nullable=False),
        sa.Column("known_at_us", sa.BigInteger(), nullable=False),
        sa.Column("reached", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("disturbance_id", name="pk_disturbances"),
    )
    op.create_index("ix_disturbances_known_at_us", "disturbances", ["known_at_us"])
    op.create_index("ix_disturbances_incident_id", "disturbances", ["incident_id"])


def downgrade() -> None:
    op.drop_table("disturbances")
    op.drop_table("device_cares")
    op.drop_index("ix_commands_device_id", "commands")
    for column in reversed(_COMMAND):
        op.drop_column("commands", column)
    op.drop_index("ix_incidents_kind", "incidents")
    for column in reversed(_INCIDENT):
        op.drop_column("incidents", column)
