"""What several workers share, and PostgreSQL's columns as wide as SQLite's."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None

_NEW_TABLES = (
    "owners", "site_facts", "checkpoints", "checkpoint_parts", "paper_changes", "deadlines",
)  # fmt: skip
_WIDER = {
    "events": ("limits_version",),
    "commands": ("max_on_s",),
    "reviews": ("rule_version", "points_hundredths"),
    "entries": ("rule_version", "points_hundredths"),
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _widen()
    _create_tables()


def downgrade() -> None:
    """The wider columns stay: the release before reads them as well, and what stands in them might not
    fit into the narrow ones."""
    for table in reversed(_NEW_TABLES):
        op.drop_table(table)


def _widen() -> None:
    inspector = sa.inspect(op.get_bind())
    for table in sorted(set(inspector.get_table_names()) - {"alembic_version"}):
        for column in inspector.get_columns(table):
            if isinstance(column["type"], sa.VARCHAR) and not isinstance(column["type"], sa.TEXT):
                op.alter_column(table, column["name"], type_=sa.Text(collation="C"))
    for table, columns in _WIDER.items():
        for name in columns:
            op.alter_column(table, name, type_=sa.BigInteger())


def _words(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.Text(collation="C"), "postgresql")


def _create_tables() -> None:
    op.create_table(
        "owners",
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("worker", _words(200), nullable=False),
        sa.Column("claimed_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("partition", name="pk_owners"),
    )
    op.create_table(
        "site_facts",
        sa.Column("name", _words(80), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_site_facts"),
    )
    op.create_table(
        "checkpoints",
        sa.Column("name", _words(80), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("part_digests", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", "partition", "seq", name="pk_checkpoints"),
    )
    op.create_table(
        "checkpoint_parts",
        sa.Column("name", _words(80), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", _words(64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", "partition", "digest", name="pk_checkpoint_parts"),
    )
    op.create_table(
        "paper_changes",
        sa.Column(
            "number",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            primary_key=True,
            nullable=False,
        ),
        sa.Column("kind", _words(40), nullable=False),
        sa.Column("key", _words(200), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_paper_changes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_paper_changes_at_us", "paper_changes", ["at_us"])
    op.create_table(
        "deadlines",
        sa.Column("deadline_id", sa.Uuid(), nullable=False),
        sa.Column("kind", _words(40), nullable=False),
        sa.Column("subject", _words(200), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("due_at_us", sa.BigInteger(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=True),
        sa.Column("state", _words(40), nullable=False),
        sa.Column("ended_at_us", sa.BigInteger(), nullable=True),
        sa.Column("worker", _words(200), nullable=True),
        sa.PrimaryKeyConstraint("deadline_id", name="pk_deadlines"),
    )
    op.create_index("ix_deadlines_state_due_at_us", "deadlines", ["state", "due_at_us"])
    op.create_index("ix_deadlines_subject", "deadlines", ["subject"])
