"""Reads a site's profile from JSON: an object with the fields of `Profile`."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from radiolens.errors import BundleError
from radiolens.profile import Profile

__all__ = ["read_profile"]


def read_profile(file: Path) -> Profile:
    """Return the profile in `file`; raise BundleError if it is none.

    A threshold is a probability; one above 1 is never reached, one of 0 always.
    """
    try:
        return _profile(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{file}: not a profile of thresholds ({error}). Plan the thresholds again.") from error


def _profile(content: Any) -> Profile:  # noqa: ANN401  JSON
    names = sorted(field.name for field in fields(Profile))
    if not isinstance(content, dict) or sorted(content) != names:
        raise ValueError(f"expected an object with {', '.join(names)}")
    thresholds = content["thresholds"]
    if not isinstance(thresholds, dict) or not all(map(_is_threshold, thresholds.values())):
        raise ValueError("thresholds must give each label a number from 0 on")
    return Profile(
        site=str(content["site"]),
        bundle_sha256=str(content["bundle_sha256"]),
        thresholds={label: float(value) for label, value in thresholds.items()},
        evidence=str(content["evidence"]),
    )


def _is_threshold(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
