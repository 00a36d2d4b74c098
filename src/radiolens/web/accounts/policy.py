"""What the site's settings say about accounts, as one value; and how often something may be asked."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from radiolens.locale.translate import gettext as _
from radiolens.settings import Settings
from radiolens.web.problems import HTTPProblem

__all__ = ["Policy", "RateLimits"]


@dataclass(frozen=True)
class Policy:
    """How long a session lasts, what locks a name, and how often may be asked.

    `demanded`: everybody signs in, even before there are accounts, since other computers are answered.
    """

    idle: timedelta = timedelta(minutes=30)
    lasts: timedelta = timedelta(hours=12)
    failures: int = 5
    locks_for: timedelta = timedelta(minutes=15)
    sign_ins_per_minute: int = 60
    requests_per_minute: int = 1200
    demanded: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the policy of a site's settings."""
        return cls(
            timedelta(minutes=settings.session_idle_minutes),
            timedelta(hours=settings.session_hours),
            settings.lockout_failures,
            timedelta(minutes=settings.lockout_minutes),
            settings.sign_ins_per_minute,
            settings.requests_per_minute,
            settings.allow_remote,
        )


class RateLimits:
    """Counts by key over the last minute, in the memory of this process."""

    def __init__(self) -> None:
        self._counts = MovingWindowRateLimiter(MemoryStorage())

    def check(self, kind: str, key: str, per_minute: int) -> None:
        """Count one; raise HTTPProblem 429, with when to come back, if that is more than may be in a minute."""
        limit = RateLimitItemPerMinute(per_minute)
        if self._counts.hit(limit, kind, key):
            return
        free = self._counts.get_window_stats(limit, kind, key).reset_time
        wait = max(1, math.ceil(free - time.time()))
        detail = _(
            "More than %(count)s requests came within a minute. Wait %(wait)s seconds.", count=per_minute, wait=wait
        )
        raise HTTPProblem(429, _("Too many requests"), detail, headers={"Retry-After": str(wait)})
