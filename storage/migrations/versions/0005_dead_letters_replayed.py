"""When a message that could not be used was sent through again."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("dead_letters", sa.Column("replayed_at_us", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("dead_letters", "replayed_at_us")
