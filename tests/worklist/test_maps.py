"""Heat maps survive the working store as they were."""

from __future__ import annotations

import numpy as np
import pytest

from radiolens.errors import StoreUnavailable
from radiolens.prediction import Explanation
from radiolens.worklist.maps import maps_from_bytes, maps_to_bytes


def test_an_explanation_survives_to_the_last_bit(rng: np.random.Generator) -> None:
    maps = {label: rng.random((7, 9), np.float32) for label in ("pneumonia", "tuberculosis")}
    found = maps_from_bytes(maps_to_bytes(Explanation("class-activation-map", maps, (0.5, 1.0, 200.0, 180.5), 12)))
    assert (found.method, found.extent, found.slice_index) == ("class-activation-map", (0.5, 1.0, 200.0, 180.5), 12)
    assert found.maps.keys() == maps.keys()
    for label, values in maps.items():
        np.testing.assert_array_equal(found.maps[label], values)
        assert found.maps[label].dtype == np.float32


@pytest.mark.parametrize("content", [b"", b"no archive", maps_to_bytes(Explanation("x", {}, (0, 0, 1, 1), 0))[:40]])
def test_what_is_no_explanation_is_said(content: bytes) -> None:
    with pytest.raises(StoreUnavailable, match=r"heat maps of an image are damaged"):
        maps_from_bytes(content)
