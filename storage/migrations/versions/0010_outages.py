"""Outages, planned outages, earth faults, and the interruptions that the indices count."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0010"
down_revision: str | None = "0016"
branch_labels: str | None = None
depends_on: str | None = None


def _words(length: int) -> TypeEngine[str]:
    return sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "outages",
        sa.Column("outage_id", sa.Uuid(), nullable=False),
        sa.Column("feeder_id", _words(200), nullable=False),
        sa.Column("station", _words(200), nullable=False),
        sa.Column("asset_id", _words(200), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.Column("phase", _words(40), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("started_at_us", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("outage_id", name="pk_outages"),
    )
    op.create_index("ix_outages_is_open", "outages", ["is_open"])
    op.create_index("ix_outages_started_at_us", "outages", ["started_at_us"])
    op.create_table(
        "planned_outages",
        sa.Column("planned_id", sa.Uuid(), nullable=False),
        sa.Column("feeder_id", _words(200), nullable=False),
        sa.Column("station", _words(200), nullable=False),
        sa.Column("asset_id", _words(200), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("planned_id", name="pk_planned_outages"),
    )
    op.create_index("ix_planned_outages_from_us", "planned_outages", ["from_us"])
    op.create_table(
        "earth_faults",
        sa.Column("earth_id", sa.Uuid(), nullable=False),
        sa.Column("network_id", _words(200), nullable=False),
        sa.Column("station", _words(200), nullable=False),
        sa.Column("asset_id", _words(200), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.Column("started_at_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("earth_id", name="pk_earth_faults"),
    )
    op.create_index("ix_earth_faults_started_at_us", "earth_faults", ["started_at_us"])
    op.create_table(
        "interruptions",
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("section_id", _words(200), nullable=False),
        sa.Column("feeder_id", _words(200), nullable=False),
        sa.Column("station", _words(200), nullable=False),
        sa.Column("planned", sa.Boolean(), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.Column("transformer_users", sa.Integer(), nullable=False),
        sa.Column("began_at_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source_id", "section_id", name="pk_interruptions"),
    )
    op.create_index("ix_interruptions_began_at_us", "interruptions", ["began_at_us"])


def downgrade() -> None:
    op.drop_table("interruptions")
    op.drop_table("earth_faults")
    op.drop_table("planned_outages")
    op.drop_table("outages")
