"""The thresholds of one site for one bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

__all__ = ["Profile"]


@dataclass(frozen=True)
class Profile:
    """Thresholds by label, bound to the bundle they were chosen for, and the evidence they were chosen on.

    `bundle_sha256` is the identity of the bundle; with any other bundle the profile is invalid. `bundle_name` and
    `bundle_version` tell people which that is, `rules` by what each threshold was chosen, as options of
    `radiolens thresholds`; all three are empty where a profile was written by hand. `evidence` has a line for each
    label.
    """

    site: str
    bundle_sha256: str
    thresholds: Mapping[str, float]
    evidence: str
    bundle_name: str = ""
    bundle_version: str = ""
    rules: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
