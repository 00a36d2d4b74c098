from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from radiolens.data.manifest import Case
from radiolens.validation.sampling import stratified_sample
from tests.validation.scored_cases import slices


def films(counts: dict[tuple[str, int], int]) -> list[Case]:
    return [
        Case(path=f"{source}{label}{number}", source=source, labels={"pneumonia": label, "tuberculosis": None})
        for (source, label), count in counts.items()
        for number in range(count)
    ]


def test_small_sources_are_taken_whole_and_leave_their_place_to_the_others(rng: np.random.Generator) -> None:
    cases = films({("a", 0): 500, ("a", 1): 300, ("b", 0): 7, ("b", 1): 40})
    rows = stratified_sample(cases, 147, rng)
    drawn = Counter((cases[row].source, cases[row].labels["pneumonia"]) for row in rows)
    assert drawn == {("a", 0): 50, ("a", 1): 50, ("b", 0): 7, ("b", 1): 40}
    assert rows.tolist() == sorted(set(rows.tolist()))


def test_all_are_taken_where_they_are_few_and_types_count_as_answers(rng: np.random.Generator) -> None:
    cases = slices(["glioma"] * 5 + ["meningioma"] * 3 + ["glioma|meningioma"] * 2)
    assert stratified_sample(cases, 100, rng).tolist() == list(range(10))
    drawn = Counter(cases[row].possible for row in stratified_sample(cases, 6, rng))
    assert set(drawn.values()) == {2}


@pytest.mark.parametrize("most", [0, 1, 13, 99])
def test_never_more_than_asked_and_as_many_as_there_are(most: int, rng: np.random.Generator) -> None:
    cases = films({("a", 0): 50, ("a", 1): 3, ("b", 1): 21})
    assert len(stratified_sample(cases, most, rng)) == min(most, 74)


def test_the_same_seed_draws_the_same_and_another_seed_others() -> None:
    cases = films({("a", 0): 200})
    first, again, other = (stratified_sample(cases, 20, np.random.default_rng(seed)).tolist() for seed in (1, 1, 2))
    assert first == again != other
