"""What the evidence beside a bundle tells of its heat maps, in a sentence for whoever looks at one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from radiolens.bundle import OCCLUSION_MAP, InstalledBundle, verify_evidence
from radiolens.errors import BundleError
from radiolens.locale.languages import Language, current_language
from radiolens.locale.translate import gettext as _
from radiolens.locale.writing import percent

__all__ = ["map_evidence"]

_CENTRE = "image centre"
"""The simplest prior, and the one that a reader understands: to point at the middle of every picture."""


def map_evidence(installed: InstalledBundle) -> str:
    """Return whether the maps of this bundle were seen to find what they should, or that it was not measured.

    Empty for an imported network, of which nothing was measured, and for evidence that was changed.
    """
    if not installed.bundle.calibrated:
        return ""
    kind = "occlusion" if installed.bundle.explanation == OCCLUSION_MAP else "activation"
    return _told(installed.folder, kind, current_language())


@lru_cache(maxsize=64)
def _told(folder: Path, kind: str, language: Language) -> str:
    try:
        verify_evidence(folder)
        tests = json.loads((folder / "evidence" / "evaluation.json").read_text(encoding="utf-8")).get("explanations")
        rows = [row for row in tests["localisation"] if row["label"] == "all" and row["maps"].startswith(kind)]
        return _sentence(rows[0]) if rows else _("Whether such maps find the place of a finding was not measured.")
    except (BundleError, OSError, AttributeError, KeyError, TypeError, ValueError):
        return ""


def _sentence(row: Mapping[str, Any]) -> str:
    centre = next(prior for prior in row["priors"] if prior["name"] == _CENTRE)
    seen = _(
        "Measured on %(count)s images with an outlined finding: the strongest place of such a map lay on or beside it "
        "in %(map)s, the middle of the picture in %(centre)s.",
        count=row["cases"],
        map=percent(row["near"]["estimate"]),
        centre=percent(centre["near"]["estimate"]),
    )
    better = centre["near_difference"]["low"] > 0
    return seen if better else " ".join([seen, _("Do not take the map for the place of a finding.")])
