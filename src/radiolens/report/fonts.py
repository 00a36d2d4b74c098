"""The fonts of reports and pages, and what text they can show."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from types import MappingProxyType

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

__all__ = ["BOLD", "FOLDER", "LACKING", "REGULAR", "printable", "register"]

FOLDER = Path(__file__).parents[1] / "fonts"
"""TrueType files with their licence; README.md there says what they hold."""
REGULAR, BOLD = "RadiolensSans-Regular", "RadiolensSans-Bold"
LACKING = "\N{REPLACEMENT CHARACTER}"
"""Stands where a character is in none of the fonts."""

_SPELT = MappingProxyType({"≥": ">=", "≤": "<=", "→": "->", "←": "<-", "≈": "~", "✓": "[x]", "\t": " ", "\xa0": " "})
"""Characters that clinicians type and the fonts lack."""


@cache
def register() -> TTFont:
    """Give the fonts to reportlab, once in a process; return the regular one."""
    for name in (REGULAR, BOLD):
        pdfmetrics.registerFont(TTFont(name, FOLDER / f"{name}.ttf"))
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)
    return _regular()


def printable(text: str) -> str:
    """Return the text composed (NFC), without control characters, and with LACKING for what the fonts do not have."""
    known = register().face.charToGlyph
    composed = unicodedata.normalize("NFC", "".join(_SPELT.get(character, character) for character in text))
    shown = (character for character in composed if character == "\n" or unicodedata.category(character) != "Cc")
    return "".join(character if character == "\n" or ord(character) in known else LACKING for character in shown)


def _regular() -> TTFont:
    font: TTFont = pdfmetrics.getFont(REGULAR)
    return font
