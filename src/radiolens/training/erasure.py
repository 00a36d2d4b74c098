"""Takes what the normal films of two sources differ by out of the dense head of a finished network.

A head that learnt a finding from one source has learnt the source with it: films of another, which all lack the
finding, then score lower than normal films of the first. Of all directions in which features differ, that between the
mean normal films of both sources is one that cannot tell the finding, since neither has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Case
from radiolens.errors import DatasetError
from radiolens.training.config import SourceErasure

__all__ = ["erase", "erased_weights", "normal_cases"]


def normal_cases(erasures: Sequence[SourceErasure], cases: Sequence[Case]) -> dict[str, tuple[Case, ...]]:
    """Return for each source that erasures name its training cases of which every annotated finding is absent.

    Raises DatasetError if a source has none.
    """
    training = [case for case in cases if case.split == "train"]
    normal = [case for case in training if case.unaffected]
    sources = dict.fromkeys(source for erasure in erasures for source in erasure.sources)
    found = {source: tuple(case for case in normal if case.source == source) for source in sources}
    missing = [source for source, own in found.items() if not own]
    if missing:
        raise DatasetError(
            f"no normal case of {', '.join(missing)} among {len(training)} training cases, so what normal films differ "
            "by is not known. Name sources that have some in `erased`."
        )
    return found


def erased_weights(
    weights: NDArray[np.float32],
    bias: float,
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    share: float,
) -> tuple[NDArray[np.float32], float]:
    """Return weights (channels,) and bias of a logit with a share of the difference of two groups taken out of it.

    `first` and `second` are pooled features (n, channels) of each group. The weights lose `share` (0 to 1) of their
    part along the difference of both means, and so the means' logits lose `share` of their distance; the bias keeps the
    logit half way between the means. The weights across that direction stay as they are.
    """
    ends = first.mean(axis=0, dtype=np.float64), second.mean(axis=0, dtype=np.float64)
    difference, middle = ends[0] - ends[1], (ends[0] + ends[1]) / 2
    length = difference @ difference
    taken = share * (weights @ difference) / length * difference if length > 0 else np.zeros(len(weights))
    return (weights - taken).astype(np.float32), float(bias + taken @ middle)


def erase(
    model: keras.Model,
    erasures: Sequence[SourceErasure],
    labels: Sequence[str],
    normal: Mapping[str, NDArray[np.float32]],
) -> None:
    """Change the layer `head` of a model, whose outputs are `labels`, by each erasure, one after the other.

    `normal` are the pooled features (n, channels) of the normal training cases of each source.
    """
    head = model.get_layer("head")
    kernel, bias = head.get_weights()
    for erasure in erasures:
        column = labels.index(erasure.label)
        first, second = (normal[source] for source in erasure.sources)
        changed = erased_weights(kernel[:, column], bias[column], first, second, erasure.share)
        kernel[:, column], bias[column] = changed
    head.set_weights([kernel, bias])
