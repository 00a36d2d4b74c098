"""Texts that come in English from elsewhere, in the language of the page as far as it is known in it.

The rest stays English and says so, so that a screen reader pronounces it rightly (WCAG 2.2, 3.1.2).
"""

from __future__ import annotations

from radiolens.locale.languages import ENGLISH, current_language
from radiolens.locale.translate import gettext as _
from radiolens.report.content import Passage
from radiolens.web.refusals import told

__all__ = ["bundle_text", "told_of_file"]


def told_of_file(text: str) -> Passage:
    """Return what was found or remarked of a file; what a library says of it stays English."""
    said = told(text)
    return Passage(text, ENGLISH.code) if said is None else Passage(said)


def bundle_text(text: str) -> Passage:
    """Return what a bundle says of itself; what no catalogue has, as of a site's own bundle, stays English."""
    said = _(text)
    return Passage(said, ENGLISH.code if said == text and current_language() != ENGLISH else "")
