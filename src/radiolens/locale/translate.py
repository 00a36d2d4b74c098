"""Texts in the language of this request.

The text of the source is English and is the key. A text is marked where it stands: `_("...")` where it is said at
once, `N_("...")` where a constant is said later by `_(constant)`. Values go in by name, `_("Slice %(n)s", n=3)`; a
percent sign is doubled only where values are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from radiolens.locale.languages import ENGLISH, Language, current_language

__all__ = ["N_", "gettext", "ngettext", "plural_forms"]


def gettext(text: str, /, **values: object) -> str:
    """Return the text in the language of this request, with `%(name)s` replaced by the values."""
    told = _catalogue(current_language()).gettext(text) if text else ""  # the empty key is the catalogue's header
    return told % values if values else told


def ngettext(one: str, many: str, count: int, /, **values: object) -> str:
    """Return the form of the text for a count; with values given, `%(name)s` is replaced by them."""
    told = _catalogue(current_language()).ngettext(one, many, count)
    return told % values if values else told


def N_(text: str) -> str:  # noqa: N802  the name by which every tool knows it
    """Return the text as it is: it is marked for the catalogues, and said later."""
    return text


def plural_forms(one: str, many: str) -> Mapping[str, str]:
    """Return the unfilled forms of a text by CLDR's plural category: a script chooses by `Intl.PluralRules`."""
    language = current_language()
    catalogue, category = _catalogue(language), language.locale.plural_form
    examples = (1, 2, 0, 1_000_000)  # one, other, and what some languages count among one or many
    return {category(count): catalogue.ngettext(one, many, count) for count in reversed(examples)}


@cache
def _catalogue(language: Language) -> NullTranslations:
    """Return the texts of a language, compiled from its `.po` on first use: so no compiled file can be out of date."""
    if language == ENGLISH:
        return NullTranslations()
    with files("radiolens.locale").joinpath(f"{language.code}.po").open("rb") as file:
        catalogue = read_po(file, locale=language.code)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)
