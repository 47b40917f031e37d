"""Pictures and clips of a proposal."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision: str | None = "0011"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("reviews", sa.Column("files", sa.Text(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("reviews", "files")
