"""Which languages there are, and which of them this request is answered in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from babel import Locale

__all__ = ["ENGLISH", "LANGUAGES", "Language", "current_language", "find_language", "negotiate", "using"]


@dataclass(frozen=True)
class Language:
    """A language of the pages.

    `code` is that of BCP 47 and of the catalogue's file, `name` what its readers call it. `territory` says whose way
    of writing numbers and dates is taken.
    """

    code: str
    name: str
    territory: str

    @cached_property
    def locale(self) -> Locale:
        """Return how numbers, dates and lists are written (CLDR)."""
        return Locale(self.code, self.territory)


ENGLISH: Final = Language("en", "English", "GB")
LANGUAGES: Final = (
    ENGLISH,
    Language("fr", "Français", "FR"),
    Language("es", "Español", "ES"),
    Language("pt", "Português", "BR"),
    Language("hi", "हिन्दी", "IN"),
)
"""In the order of the picker. English is the language of the source, and needs no catalogue."""

_current: ContextVar[Language] = ContextVar("language", default=ENGLISH)


def current_language() -> Language:
    """Return the language of this request; English outside of any."""
    return _current.get()


@contextmanager
def using(language: Language) -> Iterator[None]:
    """Speak this language until the block ends, in this thread or task and those that it starts."""
    token = _current.set(language)
    try:
        yield
    finally:
        _current.reset(token)


def find_language(code: str) -> Language | None:
    """Return the language of this code, with or without a region (`pt-BR`), None if there is none."""
    wanted = code.strip().replace("_", "-").split("-")[0].lower()
    return next((language for language in LANGUAGES if language.code == wanted), None)


def negotiate(accepted: str) -> Language:
    """Return the best language for the text of an Accept-Language header (RFC 9110, 12.5.4); English if none fits."""
    wishes = [_wish(part) for part in accepted.split(",")]
    for _, code in sorted(wishes, key=lambda wish: -wish[0]):  # stable: of equal wishes the first
        if language := find_language(code):
            return language
    return ENGLISH


def _wish(part: str) -> tuple[float, str]:
    """Return the weight and the code of one wish; one that is not understood, or not wanted, has no code."""
    code, _, parameter = part.partition(";")
    name, _, value = parameter.strip().partition("=")
    try:
        weight = float(value) if name else 1.0
    except ValueError:
        return 0.0, ""
    return weight, code if weight > 0 else ""
