from dataclasses import fields

import numpy as np
import pytest

from radiolens.safety.sight import OPERATING_POINTS, Kind
from radiolens.training.gate.feature_set import NOT_TOLD, FeatureSet
from radiolens.training.gate.operating_points import (
    MISSED_SHARE,
    REFUSED_SHARE,
    ROTATED_SHARE,
    SUSPECTED_SHARE,
    UNSUSPECTED_SHARE,
    choose,
    shifted,
    shifts_of,
    temperatures,
)
from radiolens.training.gate.reference import build_reference, distances_of_left_out_sources, with_held_out_distances

KINDS = len(Kind)


def features(count: int, seed: int = 0, sources: tuple[str, ...] = ("a", "b"), channels: int = 80) -> FeatureSet:
    """Return features of `count` genuine samples of two kinds, which lie around two places."""
    random = np.random.default_rng(seed)
    kinds = np.arange(count) % 2 * 2  # chest films and brain MR
    pooled = random.normal(size=(count, channels)) + 6 * kinds[:, None]
    return FeatureSet(
        middle=np.zeros((count, 1, 1, 1), np.float16),
        pooled=pooled.astype(np.float32),
        kinds=kinds,
        defects=np.zeros((count, 3), np.int8),
        sources=np.array(sources)[np.arange(count) % len(sources)],
        names=np.array([f"{number}.png" for number in range(count)]),
        families=np.array(["genuine"] * count),
    )


def together(*parts: FeatureSet) -> FeatureSet:
    """Return the samples of several sets as one."""
    return FeatureSet(*(np.concatenate([getattr(part, entry.name) for part in parts]) for entry in fields(FeatureSet)))


def logits_of(told: FeatureSet, sharpness: float, seed: int = 0) -> np.ndarray:
    """Return logits that are right, more or less: of the true kind `sharpness`, of each defect minus that."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(len(told), KINDS + 3))
    logits[np.arange(len(told)), told.kinds] += sharpness
    logits[:, KINDS:] -= sharpness
    return logits.astype(np.float32)


def test_temperature_finds_back_what_the_logits_were_multiplied_by() -> None:
    told = features(4000)
    random = np.random.default_rng(1)
    honest = random.normal(0, 2, (4000, KINDS + 3))
    kinds = np.array([random.choice(KINDS, p=row / row.sum()) for row in np.exp(honest[:, :KINDS])])
    defects = (random.random((4000, 3)) < 1 / (1 + np.exp(-honest[:, KINDS:]))).astype(np.int8)
    drawn = FeatureSet(told.middle, told.pooled, kinds, defects, told.sources, told.names, told.families)
    found = temperatures((honest * 2).astype(np.float32), drawn)
    assert list(found.values()) == pytest.approx([2.0] * 4, rel=0.1)


def test_what_is_not_told_counts_for_no_temperature() -> None:
    told = features(200)
    defects = told.defects.copy()
    defects[100:] = NOT_TOLD
    half = FeatureSet(told.middle, told.pooled, told.kinds, defects, told.sources, told.names, told.families)
    logits = logits_of(told, 2.0)
    logits[100:, KINDS:] = 50.0  # would be terribly wrong
    assert temperatures(logits, half)["rotated"] == temperatures(logits[:100], told.part(np.arange(100)))["rotated"]


def test_each_limit_refuses_the_stated_share_of_genuine_pictures() -> None:
    told = features(20000)
    logits = logits_of(told, 4.0)
    points = choose(logits, told, {"kind": 1.0, "rotated": 1.0, "inverted": 1.0, "cropped": 1.0}, 0.99)
    assert points.refuse_from.keys() == set(OPERATING_POINTS)
    assert points.refuse_from["inverted"] == 0.5  # a second look compares two pictures
    for place, name in ((0, "rotated"), (2, "cropped")):
        refused = float((1 / (1 + np.exp(-logits[:, KINDS + place])) >= points.refuse_from[name]).mean())
        assert 0 < refused <= 1.2 * (ROTATED_SHARE if name == "rotated" else REFUSED_SHARE)
    assert points.refuse_from["distance"] == 0.99


def test_shifts_pull_a_kind_that_is_hard_to_tell_down_and_leave_others_alone() -> None:
    told = features(8000)
    logits = logits_of(told, 6.0)
    films, slices = told.kinds == 0, told.kinds == 2
    logits[slices, KINDS] += 7  # rotation of the second kind is told badly
    shifts = shifts_of(logits, told)
    assert shifts[0, [0, 2]].tolist() == [0, 0]
    assert shifts[2, 0] < -2
    after = shifted(logits, shifts)
    assert (after[slices, KINDS] > 0).mean() == pytest.approx(ROTATED_SHARE, abs=0.004)
    assert np.median(np.abs(after[films] - logits[films])[:, KINDS]) < 0.1
    np.testing.assert_array_equal(after[:, :KINDS], logits[:, :KINDS])


def test_a_limit_keeps_away_from_genuine_pictures_where_the_defect_is_told_well() -> None:
    genuine, turned = features(2000), features(400, seed=5)
    defects = turned.defects.copy()
    defects[:, 0] = 1
    families = np.array(["rotated"] * 400)
    having = FeatureSet(turned.middle, turned.pooled, turned.kinds, defects, turned.sources, turned.names, families)
    told = together(genuine, having)
    logits = logits_of(told, 8.0)
    logits[2000:, KINDS] += 16  # 8 above zero, where the genuine ones lie 8 below
    shifts = shifts_of(logits, told)
    after = shifted(logits, shifts)
    assert shifts[0, 0] < -5
    assert (after[2000:, KINDS] > 0).mean() == pytest.approx(1 - MISSED_SHARE, abs=0.01)
    assert shifts[0, 2] == 0  # of another defect there is none to tell by


def with_inverted(sharpness: float) -> tuple[FeatureSet, np.ndarray]:
    """Return 4000 genuine pictures and 800 inverted ones, and logits in which they lie twice the sharpness apart."""
    genuine, other = features(4000), features(800, seed=5)
    families = np.array(["inverted"] * 800)
    inverted = FeatureSet(other.middle, other.pooled, other.kinds, other.defects, other.sources, other.names, families)
    told = together(genuine, inverted)
    logits = logits_of(told, sharpness)
    logits[4000:, KINDS + 1] += 2 * sharpness
    logits[np.arange(len(told)), told.kinds] += 20  # the kinds are told surely, so their shifts hold whole
    return told, logits


@pytest.mark.parametrize("sharpness", [0.5, 6.0])
def test_a_second_look_is_given_to_nearly_all_that_is_inverted_and_to_some_genuine_pictures(sharpness: float) -> None:
    told, logits = with_inverted(sharpness)
    after = shifted(logits, shifts_of(logits, told))[:, KINDS + 1]
    films = told.kinds == 0
    genuine, inverted = after[films & (told.families == "genuine")], after[films & (told.families == "inverted")]
    assert (inverted > 0).mean() >= 1 - UNSUSPECTED_SHARE - 0.005
    assert (genuine > 0).mean() >= SUSPECTED_SHARE - 0.005
    # The stricter of both rules holds with no room: more second looks would only take time.
    assert (inverted > 0).mean() < 1 or (genuine > 0).mean() == pytest.approx(SUSPECTED_SHARE, abs=0.01)


def test_limits_stay_within_their_bounds() -> None:
    told = features(500)
    temperature = dict.fromkeys(("kind", "rotated", "inverted", "cropped"), 1.0)
    sure = choose(logits_of(told, 30.0), told, temperature, 0.99).refuse_from
    assert sure["kind"] == 0.9
    assert sure["rotated"] == 0.5
    wrong = choose(logits_of(told, -30.0), told, temperature, 0.99).refuse_from
    assert wrong["kind"] == 0.5
    assert wrong["rotated"] == 0.98


def test_a_small_source_counts_as_much_as_a_large_one() -> None:
    told = features(2000, sources=("large",) * 9 + ("small",))
    logits = logits_of(told, 8.0)
    odd = np.flatnonzero(told.sources == "small")[:2]  # a hundredth of it, a thousandth of all
    logits[odd, KINDS + 2] = 3.0
    points = choose(logits, told, dict.fromkeys(("kind", "rotated", "inverted", "cropped"), 1.0), 0.99)
    assert points.refuse_from["cropped"] == pytest.approx(1 / (1 + np.exp(-3.0)), abs=1e-3)


def test_distance_is_small_where_training_pictures_lie_and_large_elsewhere() -> None:
    genuine = features(600)
    reference = build_reference(genuine)
    near = reference.to_nearest(features(50, seed=1).pooled)
    between = reference.to_nearest(features(50, seed=1).pooled * 0 + 6)
    assert np.median(near) < 0.6 * np.median(between)
    assert reference.projection.shape == (80, 64)


def test_held_out_distances_let_every_source_count_alike() -> None:
    reference = with_held_out_distances(
        build_reference(features(300)), [np.full(1000, 1.0, np.float32), np.full(10, 9.0, np.float32)]
    )
    assert np.all(np.diff(reference.distances) >= 0)
    assert np.searchsorted(reference.distances, 5.0) / len(reference.distances) == pytest.approx(0.5, abs=0.01)


def test_a_left_out_source_lies_farther_than_a_known_one() -> None:
    training, validation = features(600), features(100, seed=2)
    training.pooled[training.sources == "b", :5] += 8
    validation.pooled[validation.sources == "b", :5] += 8
    distances = distances_of_left_out_sources(training, validation)
    known = build_reference(training).to_nearest(validation.pooled[validation.sources == "b"])
    assert distances.keys() == {"a", "b"}
    assert np.median(distances["b"]) > 1.5 * np.median(known)


def test_a_set_is_parted_by_position() -> None:
    whole = features(16)
    assert len(whole) == 16
    np.testing.assert_array_equal(whole.part(np.arange(10, 16)).pooled, whole.pooled[10:])
    np.testing.assert_array_equal(whole.part(whole.kinds == 0).names, whole.names[::2])
