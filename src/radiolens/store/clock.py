"""The moment, from a clock that a test can move."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy.orm import Session

__all__ = ["CLOCK", "Clock", "moment", "utc_now"]

Clock = Callable[[], datetime]
"""Gives the moment, with its time zone."""

CLOCK = "clock"
"""Key of the clock in a session's `info`."""


def moment(session: Session) -> datetime:
    """Return the moment by the clock of the session's database."""
    found: datetime = session.info[CLOCK]()
    return found


def utc_now() -> datetime:
    """Return the moment by the computer's clock."""
    return datetime.now(UTC)
