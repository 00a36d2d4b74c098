"""What an administrator of the site sets in the app, with its limits; every change is told in the audit log."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from radiolens.store import audit
from radiolens.store.clock import moment
from radiolens.store.schema import SiteSettingRow

__all__ = ["LONGEST_KEPT_DAYS", "LONGEST_NAME", "LONGEST_STAY_HOURS", "SiteSettings", "change", "read"]

LONGEST_NAME = 80
"""Characters of the site's name: it has to fit on one line of a report."""

LONGEST_STAY_HOURS = 720
"""A month: a film that nobody has read by then is not waiting any more."""

LONGEST_KEPT_DAYS = 3650
"""Ten years, as long as films are usually archived."""


@dataclass(frozen=True)
class SiteSettings:
    """The settings; the defaults are those of a new site.

    `site_name` stands on reports and profiles. With `second_reader` a reader has to answer before the network's answer
    is shown. `working_copy_hours` is how long the images of an open case stay, encrypted, at most. With `keep_images`
    de-identified images are kept, encrypted, for `keep_days`. Raises ValueError for what is outside of the limits.
    """

    site_name: str = ""
    second_reader: bool = False
    working_copy_hours: int = 24
    keep_images: bool = False
    keep_days: int = 365

    def __post_init__(self) -> None:
        if len(self.site_name) > LONGEST_NAME or not self.site_name.isprintable():
            raise ValueError(f"site_name: expected at most {LONGEST_NAME} characters in one line")
        for name, most in (("working_copy_hours", LONGEST_STAY_HOURS), ("keep_days", LONGEST_KEPT_DAYS)):
            if not 1 <= (value := getattr(self, name)) <= most:
                raise ValueError(f"{name}: expected 1 to {most}, found {value}")


def read(session: Session) -> SiteSettings:
    """Return the settings of the site; what was never set has its default."""
    known = {field.name for field in fields(SiteSettings)}
    rows = session.scalars(select(SiteSettingRow).where(SiteSettingRow.key.in_(known)))
    return SiteSettings(**{row.key: row.value for row in rows})


def change(session: Session, wanted: SiteSettings, actor: UUID) -> dict[str, tuple[Any, Any]]:
    """Store what differs from the present settings, and return it: the old and the new value by name.

    The audit log tells it as `site.change`; where nothing differs, nothing is told.
    """
    old, new = asdict(read(session)), asdict(wanted)
    changed = {name: (old[name], new[name]) for name in new if new[name] != old[name]}
    now = moment(session)
    for name, (_, value) in changed.items():
        session.merge(SiteSettingRow(key=name, value=value, changed=now, changed_by=actor))
    if changed:
        audit.append(session, actor, "site.change", "", {name: list(values) for name, values in changed.items()})
    return changed
