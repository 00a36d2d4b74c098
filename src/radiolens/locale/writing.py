"""How numbers, dates and lists are written in the language of this request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Literal

from babel.dates import format_date, format_datetime, format_time, get_datetime_format
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent

from radiolens.locale.languages import ENGLISH, current_language

__all__ = ["day", "exact_moment", "listed", "moment", "number", "percent"]


def number(value: float, digits: int | None = None) -> str:
    """Return a number with this many digits behind the point; None: as many as it needs, at most three."""
    locale = current_language().locale
    whole = locale.decimal_formats[None].pattern.partition(".")[0]
    pattern = None if digits is None else whole + _behind(digits)
    return format_decimal(value, format=pattern, locale=locale)


def percent(fraction: float, digits: int = 0) -> str:
    """Return a fraction of 1 as a percentage with this many digits behind the point."""
    language = current_language()
    sign = " %" if language == ENGLISH else language.locale.percent_formats[None].pattern.lstrip("#,0")
    return format_percent(fraction, format=f"0{_behind(digits)}{sign}", locale=language.locale)


def day(value: date) -> str:
    """Return a date, the month in letters, so that no reader takes it for the day.

    Of a moment it is the date in the time zone of this computer.
    """
    there = _there(value, None).date() if isinstance(value, datetime) else value
    return format_date(there, format="medium", locale=current_language().locale)


def moment(value: datetime, zone: tzinfo | None = None) -> str:
    """Return a date with its time of day to the minute, for lists.

    In a zone, None for that of this computer; a value without zone is in UTC.
    """
    there, locale = _there(value, zone), current_language().locale
    time_of_day = format_time(there, format="short", tzinfo=there.tzinfo, locale=locale)
    joined = str(get_datetime_format("medium", locale)).replace("'", "")  # quotes CLDR's own words, as "at"
    return joined.replace("{0}", time_of_day).replace("{1}", format_date(there, format="medium", locale=locale))


def exact_moment(value: datetime, zone: tzinfo | None = None) -> str:
    """Return a moment to the second and with what its zone is ahead of UTC, for records; the zone is as of `moment`."""
    there = _there(value, zone)
    written = format_datetime(there, format="medium", tzinfo=there.tzinfo, locale=current_language().locale)
    return f"{written} {timezone(there.utcoffset() or timedelta())}"


def listed(words: Sequence[str], style: Literal["standard", "or"] = "standard") -> str:
    """Return words as a sentence lists them: joined by "and", or by "or"."""
    return format_list(list(words), style=style, locale=current_language().locale)


def _there(value: datetime, zone: tzinfo | None) -> datetime:
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return aware.astimezone(zone)


def _behind(digits: int) -> str:
    return f".{'0' * digits}" if digits else ""
