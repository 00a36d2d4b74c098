"""The script that leaves hospitals out: which ones together, and what it counts, on logits that are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.gate_left_out import Row, asked_samples, folds, groups_of, rows
from radiolens.safety.sight import Kind
from radiolens.training.gate.feature_set import FeatureSet
from radiolens.training.gate.samples import KINDS
from tests.shared_data import SHARED, needs_shared_data

FILM, MR = KINDS.index(Kind.CHEST_FRONTAL), KINDS.index(Kind.BRAIN_MR)


def told(kinds: list[int], sources: list[str], families: list[str]) -> FeatureSet:
    count = len(kinds)
    return FeatureSet(
        middle=np.zeros((count, 1, 1, 1), np.float16),
        pooled=np.zeros((count, 1), np.float32),
        kinds=np.array(kinds, np.int64),
        defects=np.zeros((count, 3), np.int8),
        sources=np.array(sources),
        names=np.array([f"{number}.png" for number in range(count)]),
        families=np.array(families),
    )


def test_one_source_of_each_kind_is_left_out_at_a_time_while_another_one_stays() -> None:
    sources = ["nih", "guangzhou", "web", "figshare", "tb", "sich", "pages"]
    kinds = [FILM, FILM, MR, MR, FILM, KINDS.index(Kind.BRAIN_CT), KINDS.index(Kind.OTHER)]
    training = told(kinds, sources, ["genuine"] * 6 + ["page"])
    assert folds(training) == [("guangzhou", "figshare"), ("nih", "web"), ("tb",)]


def film_logits(inverted: list[float], rotated: float = -9.0) -> np.ndarray:
    """Return logits of films, of which that for `inverted` is given."""
    logits = np.full((len(inverted), len(KINDS) + 3), -9.0, np.float32)
    logits[:, FILM] = 9
    logits[:, len(KINDS)] = rotated
    logits[:, len(KINDS) + 1] = inverted
    return logits


def test_films_that_all_look_inverted_are_refused_by_one_look_and_not_by_two() -> None:
    known = told([FILM] * 400, ["home"] * 400, ["genuine"] * 200 + ["inverted"] * 200)
    said = film_logits([-8.0] * 200 + [8.0] * 200)
    asked = told([FILM] * 8, ["away"] * 8, ["genuine", "inverted", "rotated", "cropped"] * 2)
    away = film_logits([8.5, 12, -9, -9, 8.5, 12, -9, -9])
    away[[2, 6], len(KINDS)] = 9  # both rotated ones are seen
    (row,) = rows(said, known, away, asked, np.array(["away"] * 8))
    assert row == Row(
        "away",
        2,
        {
            "kind": 1.0,
            "genuine inverted by one look": 1.0,
            "found": 1.0,
            "genuine inverted by two looks": 0.0,
            "found so": 1.0,
            "genuine looked at twice": 1.0,
            "genuine rotated": 0.0,
            "rotated found": 1.0,
            "genuine cropped": 0.0,
            "cropped found": 0.0,
        },
    )
    assert "genuine inverted by one look 1.000 (0.342 to 1.000)" in row.line()  # Wilson: 2 of 2


def test_a_kind_is_believed_if_it_is_likelier_than_all_others_together() -> None:
    known = told([FILM] * 4, ["home"] * 4, ["genuine"] * 4)
    asked = told([FILM] * 8, ["away"] * 8, ["genuine", "inverted", "rotated", "cropped"] * 2)
    away = film_logits([-9.0] * 8)
    away[0, : len(KINDS)] = [1.0, 0.5, 0.5, -9, -9]
    (row,) = rows(film_logits([-8.0] * 4), known, away, asked, np.array(["away"] * 8))
    assert row.shares["kind"] == 0.5


@needs_shared_data
def test_every_source_but_the_external_one_is_asked_four_times_a_picture() -> None:
    planned = asked_samples(SHARED, 1, "key")
    samples = list(planned.samples)
    assert len(samples) == planned.count == 4 * 7
    assert planned.key == "key-1"
    assert "tbx11k" not in {sample.source for sample in samples}
    sources = [sample.source for sample in samples]
    asked = replace(told([FILM] * 28, sources, ["genuine"] * 28), names=np.array([sample.name for sample in samples]))
    assert {group.split(":")[0] for group in groups_of(SHARED, asked)} == set(sources)


def test_a_row_tells_every_share_with_its_interval() -> None:
    assert Row("a", 100, {"kind": 0.97}).line() == "a, 100 pictures: kind 0.970 (0.915 to 0.990)"


def test_without_a_second_source_of_any_kind_nothing_is_left_out() -> None:
    assert folds(told([FILM], ["only"], ["genuine"])) == []
