"""The moment, from a clock that a test can move."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

__all__ = ["CLOCK", "Clock", "utc_now"]

Clock = Callable[[], datetime]
"""Gives the moment, with its time zone."""

CLOCK = "clock"
"""Key of the clock in a session's `info`."""


def utc_now() -> datetime:
    """Return the moment by the computer's clock."""
    return datetime.now(UTC)
