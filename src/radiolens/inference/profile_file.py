"""Reads a site's profile from JSON."""

from __future__ import annotations

import json
from pathlib import Path

from radiolens.errors import BundleError
from radiolens.profile import Profile

__all__ = ["read_profile"]


def read_profile(file: Path) -> Profile:
    """Return the profile in `file`; raise BundleError if it is none."""
    try:
        return Profile(**json.loads(file.read_text(encoding="utf-8")))
    except (TypeError, ValueError) as error:
        raise BundleError(f"{file}: not a profile of thresholds ({error}). Plan the thresholds again.") from error
