from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

from radiolens.data.audit.reading import Embedding, file_bytes, read
from radiolens.data.audit.run import audit
from radiolens.data.audit.store import open_store
from radiolens.data.case import Case, Manifest
from radiolens.errors import UnreadableImage
from radiolens.imaging.limits import Limits
from radiolens.imaging.preprocess import Preprocessing
from radiolens.tasks import get_task

SIDE = 32


class CountedFeatures:
    """Features as a network might make them: 8 x 8 means. Counts the calls, one for each image."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, grey: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.calls += 1
        return grey.reshape(len(grey), 8, 4, 8, 4).mean(axis=(2, 4)).reshape(len(grey), 64).astype(np.float32)


def embedding(features: CountedFeatures, identity: str = "means") -> Embedding:
    return Embedding("means", identity, Preprocessing(SIDE, SIDE), features)


def noise_set(folder: Path, count: int) -> Manifest:
    rng = np.random.default_rng(0)
    for number in range(count):
        PIL.Image.fromarray(rng.integers(0, 256, (40, 48), np.uint8)).save(folder / f"{number}.png")
    cases = tuple(Case(f"{number}.png", "s", patient_id=str(number)) for number in range(count))
    return Manifest(folder / "m.csv", get_task("chest-xray"), cases)


def test_an_audit_that_was_cut_goes_on(tmp_path: Path) -> None:
    manifest, features = noise_set(tmp_path, 34), CountedFeatures()

    def cut(stage: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), open_store(tmp_path / "cache", embedding(features)) as store:
        audit(manifest, embedding(features), store, progress=cut)
    with open_store(tmp_path / "cache", embedding(features)) as store:
        audited = audit(manifest, embedding(features), store)
    assert features.calls == 34
    assert audited.report.readable == 34
    assert audited.report.pairs == ()


def test_features_of_another_network_are_never_mixed_in(tmp_path: Path) -> None:
    manifest, features = noise_set(tmp_path, 2), CountedFeatures()
    for identity in ("one", "other"):
        with open_store(tmp_path / "cache", embedding(features, identity)) as store:
            audit(manifest, embedding(features, identity), store)
    assert features.calls == 4
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_the_size_told_is_that_of_the_image(tmp_path: Path) -> None:
    noise_set(tmp_path, 1)
    reading = read((tmp_path / "0.png").read_bytes(), Preprocessing(SIDE, SIDE))
    assert reading.size == (40, 48)
    assert reading.thumbnail.shape == (128, 128)
    assert reading.grey.shape == (SIDE, SIDE)


def test_what_is_no_file_or_too_large_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableImage, match="no file"):
        file_bytes(tmp_path / "pipe")  # opening it would wait for ever
    (tmp_path / "large").write_bytes(b"12345")
    with pytest.raises(UnreadableImage, match="at most"):
        file_bytes(tmp_path / "large", Limits(file_bytes=4))
    with pytest.raises(UnreadableImage, match="cannot be opened"):
        file_bytes(tmp_path / "null\0byte")
    with pytest.raises(NotADirectoryError):
        file_bytes(tmp_path / "large" / "inside")
