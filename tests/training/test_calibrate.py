"""Operating points: every source weighs the same, and what they were chosen on is told."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit

from radiolens.data.manifest import Case
from radiolens.errors import DatasetError
from radiolens.evaluation.calibration import fit_temperature
from radiolens.evaluation.thresholds import threshold_youden
from radiolens.prediction import Presence
from radiolens.tasks import get_task
from radiolens.training.calibrate import operating_point, source_weights

CHEST, MRI = get_task("chest-xray"), get_task("brain-mri")
PNEUMONIA = replace(CHEST, labels=CHEST.labels[:1])


def cases(source: str, count: int, value: int | None) -> list[Case]:
    return [Case(f"{source}/{value}/{number}", source, labels={"pneumonia": value}) for number in range(count)]


def test_each_source_weighs_the_same_on_each_side_of_a_finding() -> None:
    # The sizes of the chest collection's validation split.
    part = [
        *cases("guangzhou", 386, 1),
        *cases("guangzhou", 135, 0),
        *cases("nih", 26, 1),
        *cases("nih", 24, 0),
        *cases("tb-collection", 320, 0),  # one side only, and counts there
        *cases("tb-collection", 69, None),
    ]
    weights = source_weights(PNEUMONIA, part)[:, 0]
    summed: dict[tuple[str, int | None], float] = defaultdict(float)
    for case, weight in zip(part, weights, strict=True):
        summed[case.source, case.labels["pneumonia"]] += weight
    assert summed == pytest.approx(
        {
            ("guangzhou", 1): 1 / 2,
            ("nih", 1): 1 / 2,
            ("guangzhou", 0): 1 / 3,
            ("nih", 0): 1 / 3,
            ("tb-collection", 0): 1 / 3,
            ("tb-collection", None): 0.0,
        }
    )


def test_a_handful_of_images_does_not_weigh_like_a_source() -> None:
    part = [*cases("large", 1000, 1), *cases("tiny", 2, 1), *cases("large", 10, 0)]
    weights = source_weights(PNEUMONIA, part)[:, 0]
    assert weights[:1000].sum() == pytest.approx(1 / 1.2)
    assert weights[1000:1002].sum() == pytest.approx(0.2 / 1.2)
    assert weights[1002:].sum() == pytest.approx(1.0)


def test_each_set_of_possible_labels_weighs_the_same() -> None:
    part = [
        *(Case(f"a{number}", "figshare", possible=frozenset({"glioma"})) for number in range(40)),
        *(Case(f"b{number}", "web", possible=frozenset({"no_tumour"})) for number in range(10)),
        Case("c", "web"),
    ]
    weights = source_weights(MRI, part)
    assert weights[:40].sum() == pytest.approx(weights[40:50].sum())
    assert weights[50] == 0.0


def test_the_threshold_is_not_that_of_the_largest_source() -> None:
    # The large hospital's negatives lie below its positives and below everything of the small hospital.
    ranges = {("large", 0): (-8, -4), ("large", 1): (-2, 6), ("small", 0): (-1, 1), ("small", 1): (2, 4)}
    counts = {"large": 400, "small": 20}
    part = [case for source, value in ranges for case in cases(source, counts[source], value)]
    logits = np.concatenate([np.linspace(*ends, counts[source]) for (source, _), ends in ranges.items()])
    found = operating_point(PNEUMONIA, part, logits[:, np.newaxis].astype(np.float32))
    cut = (logit(found.thresholds["pneumonia"]) - found.bias["pneumonia"]) * found.temperature["pneumonia"]
    pooled = threshold_youden([case.labels["pneumonia"] for case in part], logits)
    assert pooled == pytest.approx(-3)  # all of the small hospital's negatives are alarms, 5 % of all
    assert cut == pytest.approx(1.5, abs=0.6)  # none of them is, for 44 % of the large one's positives
    assert found.evidence == (
        "best balanced accuracy on the validation split, every source weighing the same among present and absent, or "
        "lower as long as 0.95 of the absent cases of every source lie below. "
        "pneumonia: large 400 present, 400 absent; small 20 present, 20 absent"
    )


def test_exclusive_labels_keep_one_half_and_share_a_temperature(rng: np.random.Generator) -> None:
    names = MRI.label_names
    part = [Case(str(number), "web", possible=frozenset({names[number % 4]})) for number in range(80)]
    found = operating_point(MRI, part, rng.normal(0, 3, (80, 4)).astype(np.float32))
    assert set(found.thresholds.values()) == {0.5}
    assert len(set(found.temperature.values())) == 1
    assert "web glioma 20" in found.evidence


def test_probabilities_are_those_at_a_prevalence_of_one_half_in_every_source(rng: np.random.Generator) -> None:
    # Present cases are one in ten and the hospitals of different size; what is calibrated weighs them all the same.
    part = [*cases("large", 3600, 0), *cases("large", 400, 1), *cases("small", 360, 0), *cases("small", 40, 1)]
    truth = np.asarray([case.labels["pneumonia"] for case in part])
    logits = rng.normal(np.where(truth == 1, 1.0, -1.0), 1.0)[:, np.newaxis].astype(np.float32)
    found = operating_point(PNEUMONIA, part, logits)
    # Of two normal distributions one standard deviation on either side of 0 the log-odds are twice the value.
    assert found.temperature["pneumonia"] == pytest.approx(0.5, rel=0.1)
    assert found.bias["pneumonia"] == pytest.approx(0.0, abs=0.2)
    np.testing.assert_allclose(
        found.probabilities(logits)[:, 0],
        expit(logits[:, 0].astype(float) / found.temperature["pneumonia"] + found.bias["pneumonia"]),
    )


def test_the_temperature_of_exclusive_labels_takes_the_cases_as_they_are(rng: np.random.Generator) -> None:
    names = MRI.label_names
    part = [Case(str(number), "web", possible=frozenset({names[min(number % 9, 3)]})) for number in range(900)]
    logits = rng.normal(0, 3, (900, 4)).astype(np.float32)
    found = operating_point(MRI, part, logits)
    assert set(found.bias.values()) == {0.0}
    wanted = np.eye(4)[[names.index(*case.possible) for case in part]]
    assert found.temperature["glioma"] == pytest.approx(fit_temperature(logits, wanted, exclusive=True)[0])


def test_the_sets_hold_what_is_true_of_the_cases_they_were_calibrated_on(rng: np.random.Generator) -> None:
    part = [*cases("large", 900, 0), *cases("large", 500, 1), *cases("small", 200, 1)]
    truth = np.asarray([case.labels["pneumonia"] for case in part])
    # The small hospital's present cases look less so.
    mean = np.where(truth == 1, np.where([case.source == "small" for case in part], 0.5, 2.0), -1.0)
    logits = rng.normal(mean, 1.0)[:, np.newaxis].astype(np.float32)
    found = operating_point(PNEUMONIA, part, logits)
    inside = found.sets.included(found.probabilities(logits))
    for rows, column in ((truth == 0, 0), (truth == 1, 1), (np.arange(1600) >= 1400, 1)):
        assert inside[rows, column].mean() >= 0.9
    assert {source: scores.size for source, scores in found.sets.scores["pneumonia", Presence.PRESENT].items()} == {
        "large": 500,
        "small": 200,
    }


def test_a_label_without_both_sides_is_refused() -> None:
    with pytest.raises(DatasetError, match="lacks present or absent cases of pneumonia"):
        operating_point(PNEUMONIA, cases("a", 5, 1), np.zeros((5, 1), np.float32))
    part = [Case("a", "web", possible=frozenset({"glioma"}))]
    with pytest.raises(DatasetError, match="cases of meningioma, pituitary, no_tumour"):
        operating_point(MRI, part, np.zeros((1, 4), np.float32))
