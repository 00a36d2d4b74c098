"""The thresholds of one site for one bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Profile"]


@dataclass(frozen=True)
class Profile:
    """Thresholds by label, bound to the bundle they were chosen for, and the evidence they were chosen on.

    `bundle_sha256` is the identity of the bundle; with any other bundle the profile is invalid.
    """

    site: str
    bundle_sha256: str
    thresholds: Mapping[str, float]
    evidence: str
