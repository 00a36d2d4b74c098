"""Count failed sign-ins by name, known or not; keep facts of an image; let nobody change the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from radiolens.store.columns import UtcDateTime

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0002"
down_revision = "0001"

_REFUSAL = "audit entries are never changed or deleted"


def upgrade() -> None:
    """Run the step. Locks that hold are forgotten: they last for minutes."""
    op.create_table(
        "login_failures",
        sa.Column("name_sha256", sa.String(64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last", UtcDateTime(), nullable=False),
        sa.Column("locked_until", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("name_sha256", name=op.f("pk_login_failures")),
    )
    op.create_index(op.f("ix_login_failures_last"), "login_failures", ["last"])
    # Not as a batch: that drops the table for a while, on which others lean by foreign keys.
    op.drop_column("users", "failures")
    op.drop_column("users", "locked_until")
    op.add_column("images", sa.Column("facts", sa.JSON(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        _protect_on_postgresql()
    else:
        _protect_on_sqlite()


def _protect_on_sqlite() -> None:
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_entries_no_{change.lower()} BEFORE {change} ON audit_entries "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        )


def _protect_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_entries_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()"
    )
