"""Generated cases with probabilities that tell their labels with a known strength."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Case
from radiolens.tasks import get_task
from radiolens.validation.questions import Scored

CHEST = get_task("chest-xray")
MRI = get_task("brain-mri")
THRESHOLDS = {"pneumonia": 0.5, "tuberculosis": 0.3}


def grey_pictures(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 24, 24), np.uint8)


def chest(count: int = 120, seed: int = 0) -> Scored:
    """Return films of two sources: children annotated for pneumonia, adults for tuberculosis, two of each patient."""
    random = np.random.default_rng(seed)
    cases = tuple(_film(number) for number in range(count))
    signs = np.asarray([[case.labels[name] or 0 for name in CHEST.label_names] for case in cases])
    probabilities = 1 / (1 + np.exp(-random.normal(2.0 * signs - 1.0, 1.0)))
    return Scored(cases, probabilities, grey_pictures(count, seed))


def _film(number: int) -> Case:
    sick = number // 2 % 2
    children = number % 4 < 2 if number % 8 < 4 else number % 8 > 5
    labels = {"pneumonia": sick, "tuberculosis": None} if children else {"pneumonia": None, "tuberculosis": sick}
    source = "children" if children else "adults"
    return Case(path=f"{number}.png", source=source, patient_id=str(number // 2), labels=labels)


def slices(possible: list[str], source: str = "") -> tuple[Case, ...]:
    """Return one slice for each of `possible`, labels joined by `|`."""
    return tuple(
        Case(path=f"{source}{number}.png", source=source, possible=frozenset(names.split("|")) - {""})
        for number, names in enumerate(possible)
    )
