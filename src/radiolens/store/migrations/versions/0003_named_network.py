"""Keep of a case which network was named for it: an imported one answers no study by itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run the step: of the cases that are there, none was named."""
    op.add_column("cases", sa.Column("bundle_name", sa.String(100), nullable=True))
