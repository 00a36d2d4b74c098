"""Runs a bundle over the cases of a manifest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from radiolens.data.manifest import Case, Manifest
from radiolens.inference.engine import Engine
from radiolens.training.pipeline import cached_grey_levels
from radiolens.validation.study import Scored

__all__ = ["score"]

_BATCH = 32


def score(
    engine: Engine,
    manifest: Manifest,
    cases: Sequence[Case],
    cache: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Scored:
    """Return the calibrated probabilities of the stored network for these cases."""
    grey = cached_grey_levels(manifest, cases, engine.bundle.preprocessing, cache, progress)
    parts = []
    for start in range(0, len(grey), _BATCH):
        logits, _ = engine.run(np.asarray(grey[start : start + _BATCH]))
        parts.append(engine.probabilities(logits))
        progress(min(start + _BATCH, len(grey)), len(grey))
    return Scored(tuple(cases), np.concatenate(parts), np.asarray(grey))
