"""Alarms as an operator has them: their states, what is withheld, floods, rationalisation, limit changes."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None

_NEW_TABLES = ("alarms", "withholdings", "floods", "rationalisations", "limit_changes", "campaigns")


def upgrade() -> None:
    with op.batch_alter_table("events") as events:
        events.add_column(
            sa.Column("latching", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.create_index("ix_events_point", "events", ["point", "started_at_us"])
    with op.batch_alter_table("incidents") as incidents:
        incidents.add_column(sa.Column("cause", sa.Uuid(), nullable=True))
    op.create_index("ix_incidents_cause", "incidents", ["cause"])
    with op.batch_alter_table("tags") as tags:
        tags.add_column(
            sa.Column("whole_bay", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        tags.add_column(sa.Column("until_us", sa.BigInteger(), nullable=True))
        tags.add_column(sa.Column("forgotten_at_us", sa.BigInteger(), nullable=True))
    _create_tables()
    _open_alarms()


def downgrade() -> None:
    for table in reversed(_NEW_TABLES):
        op.drop_table(table)
    with op.batch_alter_table("tags") as tags:
        for column in ("forgotten_at_us", "until_us", "whole_bay"):
            tags.drop_column(column)
    op.drop_index("ix_incidents_cause", "incidents")
    with op.batch_alter_table("incidents") as incidents:
        incidents.drop_column("cause")
    op.drop_index("ix_events_point", "events")
    with op.batch_alter_table("events") as events:
        events.drop_column("latching")


def _open_alarms() -> None:
    """What stands in an incident that is open, or waits there, is an alarm of its state from now on."""
    op.execute(
        """
        INSERT INTO alarms (event_id, point, condition, asset_id, alarm_class, priority,
            started_at_us, raised_at_us, detected_at_us, latching, state, standing, incident_id,
            acknowledged_by, acknowledged_at_us, ended_at_us, chattering, fleeting, position, rank,
            version)
        SELECT e.event_id, e.point, e.condition, e.asset_id, e.alarm_class, e.priority,
            e.started_at_us, e.raised_at_us, e.detected_at_us, e.latching,
            CASE WHEN i.acknowledged_at_us IS NOT NULL THEN 'acknowledged'
                 ELSE 'unacknowledged' END,
            e.ended_at_us IS NULL, e.incident_id, i.acknowledged_by, i.acknowledged_at_us,
            NULL, FALSE, FALSE, '',
            CASE WHEN i.acknowledged_at_us IS NOT NULL THEN 3 ELSE 0 END, 1
        FROM events e JOIN incidents i ON i.incident_id = e.incident_id
        WHERE i.state IN ('open', 'acknowledged') AND e.ended_at_us IS NULL
            AND e.condition NOT IN ('clock_stepped_back', 'command_failed')
        """
    )


def _words(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")


def _create_tables() -> None:
    op.create_table(
        "alarms",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("point", _words(200), nullable=False),
        sa.Column("condition", _words(40), nullable=False),
        sa.Column("asset_id", _words(200), nullable=False),
        sa.Column("alarm_class", _words(40), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("started_at_us", sa.BigInteger(), nullable=False),
        sa.Column("raised_at_us", sa.BigInteger(), nullable=False),
        sa.Column("detected_at_us", sa.BigInteger(), nullable=False),
        sa.Column("latching", sa.Boolean(), nullable=False),
        sa.Column("state", _words(40), nullable=False),
        sa.Column("standing", sa.Boolean(), nullable=False),
        sa.Column("withheld", _words(40), nullable=True),
        sa.Column("withheld_by", sa.Uuid(), nullable=True),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.Column("acknowledged_by", _words(200), nullable=True),
        sa.Column("acknowledged_at_us", sa.BigInteger(), nullable=True),
        sa.Column("silenced_by", _words(200), nullable=True),
        sa.Column("silenced_at_us", sa.BigInteger(), nullable=True),
        sa.Column("reset_by", _words(200), nullable=True),
        sa.Column("reset_at_us", sa.BigInteger(), nullable=True),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=True),
        sa.Column("chattering", sa.Boolean(), nullable=False),
        sa.Column("fleeting", sa.Boolean(), nullable=False),
        sa.Column("position", _words(80), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_alarms"),
    )
    op.create_index("ix_alarms_rank", "alarms", ["rank", "priority", "raised_at_us"])
    op.create_index("ix_alarms_detected_at_us", "alarms", ["detected_at_us"])
    op.create_index("ix_alarms_incident_id", "alarms", ["incident_id"])
    op.create_index("ix_alarms_asset_id", "alarms", ["asset_id", "rank"])
    op.create_table(
        "withholdings",
        sa.Column("withholding_id", sa.Uuid(), nullable=False),
        sa.Column("kind", _words(40), nullable=False),
        sa.Column("point", _words(200), nullable=False),
        sa.Column("condition", _words(40), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", _words(200), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=True),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", _words(200), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("withholding_id", name="pk_withholdings"),
    )
    op.create_index("ix_withholdings_ended_at_us", "withholdings", ["ended_at_us"])
    op.create_table(
        "floods",
        sa.Column("flood_id", sa.Uuid(), nullable=False),
        sa.Column("position", _words(80), nullable=False),
        sa.Column("started_at_us", sa.BigInteger(), nullable=False),
        sa.Column("alarms", sa.Integer(), nullable=False),
        sa.Column("peak", sa.Integer(), nullable=False),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("flood_id", name="pk_floods"),
    )
    op.create_index("ix_floods_started_at_us", "floods", ["started_at_us"])
    op.create_table(
        "rationalisations",
        sa.Column("point", _words(200), nullable=False),
        sa.Column("condition", _words(40), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("consequence", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("respond_within_us", sa.BigInteger(), nullable=True),
        sa.Column("severity", _words(40), nullable=False),
        sa.Column("by", _words(200), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("point", "condition", name="pk_rationalisations"),
    )

    op.create_table(
        "limit_changes",
        sa.Column("change_id", sa.Uuid(), nullable=False),
        sa.Column("point", _words(200), nullable=False),
        sa.Column("condition", _words(40), nullable=False),
        sa.Column("setting", sa.Text(), nullable=False),
        sa.Column("was", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", _words(40), nullable=False),
        sa.Column("proposed_by", _words(200), nullable=False),
        sa.Column("proposed_at_us", sa.BigInteger(), nullable=False),
        sa.Column("effective_at_us", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("change_id", name="pk_limit_changes"),
    )
    op.create_index("ix_limit_changes_state", "limit_changes", ["state"])
    op.create_table(
        "campaigns",
        sa.Column("mode_id", _words(80), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("by", _words(200), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("mode_id", name="pk_campaigns"),
    )
