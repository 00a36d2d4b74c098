"""Answers of a gate network, made by hand."""

from __future__ import annotations

from radiolens.safety.sight import Kind, Sight

LIMITS = {"kind": 0.6, "rotated": 0.5, "inverted": 0.5, "cropped": 0.5, "distance": 0.995}


def sight(
    kind: Kind = Kind.CHEST_FRONTAL,
    sure: float = 0.98,
    *,
    rotated: float = 0.0,
    inverted: float = 0.0,
    cropped: float = 0.0,
    distance: float = 0.5,
) -> Sight:
    """Return what a network sees that gives `sure` to one kind and shares the rest among the others."""
    kinds = dict.fromkeys(Kind, (1 - sure) / (len(Kind) - 1)) | {kind: sure}
    return Sight(kinds, rotated, inverted, cropped, distance, LIMITS)
