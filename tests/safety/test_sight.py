"""What a gate network may say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radiolens.safety.sight import Kind
from tests.safety.sights import LIMITS, sight


def test_the_most_probable_kind_is_believed_from_the_limit_on() -> None:
    assert sight(Kind.BRAIN_CT, LIMITS["kind"]).believed is Kind.BRAIN_CT
    unsure = sight(Kind.BRAIN_CT, LIMITS["kind"] - 0.01)
    assert (unsure.likeliest, unsure.believed) == (Kind.BRAIN_CT, None)


def test_every_kind_and_every_limit_must_be_there() -> None:
    kinds: dict[Kind, float] = {kind: 0.25 for kind in Kind if kind is not Kind.OTHER}
    with pytest.raises(ValueError, match="lacks other"):
        replace(sight(), kinds=kinds)
    with pytest.raises(ValueError, match="lacks cropped, distance, inverted, kind, rotated"):
        replace(sight(), refuse_from={})


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_an_error(value: float) -> None:
    with pytest.raises(ValueError, match="other values than 0 to 1"):
        sight(rotated=value)
    with pytest.raises(ValueError, match="other values than 0 to 1"):
        sight(inverted=value)
    with pytest.raises(ValueError, match="other values than 0 to 1"):
        sight(cropped=value)
    with pytest.raises(ValueError, match="other values than 0 to 1"):
        sight(distance=value)


def test_kinds_that_do_not_sum_to_one_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"sum to 1\.0200"):
        replace(sight(), kinds={**sight().kinds, Kind.OTHER: 0.025})
