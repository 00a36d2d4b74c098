from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from radiolens.validation.pieces import digest, kept


def test_a_finished_piece_is_not_made_again_and_another_key_is_another_piece(tmp_path: Path) -> None:
    made = []

    def make(value: int) -> NDArray[np.int64]:
        made.append(value)
        return np.full(3, value)

    for _ in range(2):
        assert kept(tmp_path / "work", ["piece", 1, "a"], lambda: make(1)).tolist() == [1, 1, 1]
    assert kept(tmp_path / "work", ["piece", 2, "a"], lambda: make(2)).tolist() == [2, 2, 2]
    assert made == [1, 2]


def test_a_piece_that_was_cut_is_made_again(tmp_path: Path) -> None:
    def cut() -> NDArray[np.int64]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept(tmp_path, ["piece"], cut)
    assert not list(tmp_path.glob("*.npy"))
    assert kept(tmp_path, ["piece"], lambda: np.arange(2)).tolist() == [0, 1]
    assert not list(tmp_path.glob("*.partial"))


def test_a_digest_tells_content_shape_and_type_apart() -> None:
    values = np.arange(6, dtype=np.uint8)
    others = [values.reshape(2, 3), values.astype(np.int16), values[::-1]]
    assert len({digest(each) for each in [values, *others]}) == 4
    assert digest(values) == digest(values.copy())
