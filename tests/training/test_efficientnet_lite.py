"""The ported backbones against numpy on the published weights, and the weights against real photographs."""

from __future__ import annotations

import hashlib
import io
import pickle
from bisect import bisect_left
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

from radiolens.errors import DatasetError
from radiolens.training.efficientnet_lite import LITE0, LITE2, Variant, build_backbone, load_imagenet_weights
from radiolens.training.torch_weights import read_state
from tests.shared_data import SHARED, needs_shared_data
from tests.training.lite_reference import features

VARIANTS = pytest.mark.parametrize("variant", [LITE0, LITE2], ids=lambda variant: variant.name)


def scaled(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    return (grey.astype(np.float32) - np.float32(127)) / np.float32(128)


@VARIANTS
@pytest.mark.parametrize("shape", [(64, 64), (75, 50)], ids=["even", "odd"])
def test_the_backbone_gives_the_features_that_numpy_computes_from_the_state(
    variant: Variant, shape: tuple[int, int]
) -> None:
    backbone = build_backbone(variant, *shape)
    load_imagenet_weights(backbone, variant)
    grey = scaled(np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    own = np.asarray(backbone(grey[np.newaxis, :, :, np.newaxis]))[0]
    colour = np.repeat(grey[..., np.newaxis], 3, axis=-1)
    expected, _ = features(colour.astype(np.float64), read_state(Path(variant.weights()), variant.sha256), variant.name)
    assert own.shape == (-(-shape[0] // 32), -(-shape[1] // 32), 1280)
    assert expected.std() > 0.1
    np.testing.assert_allclose(own, expected, atol=2e-3)  # float32 against float64 through 50 layers; 0 to 6


def rising(numbers: list[int]) -> int:
    """Return how many of the numbers can be kept so that they rise."""
    ends: list[int] = []
    for number in numbers:
        place = bisect_left(ends, number)
        ends[place : place + 1] = [number]
    return len(ends)


@pytest.mark.slow
@needs_shared_data
@pytest.mark.parametrize(("variant", "side"), [(LITE0, 224), (LITE2, 260)], ids=["lite0", "lite2"])
def test_the_whole_network_names_photographs(variant: Variant, side: int) -> None:
    # The 120 grey photographs are named by their WordNet id, and ImageNet numbers its 1000 classes in that order. So
    # right answers rise with the file names; chance lets about 20 of 120 rise. Grey costs some of the 75 to 77 %.
    files = sorted((SHARED / "out-of-distribution").glob("*/natural/n*.jpg"), key=lambda file: file.name)
    backbone = build_backbone(variant, side, side)
    load_imagenet_weights(backbone, variant)
    state = read_state(Path(variant.weights()), variant.sha256)
    grey = np.stack([np.asarray(PIL.Image.open(file).convert("L").resize((side, side))) for file in files])

    def answers(images: NDArray[np.float32]) -> list[int]:
        maps = [
            np.asarray(backbone(images[start : start + 20, :, :, np.newaxis])) for start in range(0, len(images), 20)
        ]
        logits = np.concatenate(maps).mean(axis=(1, 2)) @ state["_fc.weight"].T + state["_fc.bias"]
        return [int(number) for number in logits.argmax(axis=1)]

    named = rising(answers(scaled(grey)))
    assert named >= 0.7 * len(files)
    # The packages' demo scales by ImageNet's mean and deviation, which these weights were not trained with.
    assert named > rising(answers((grey.astype(np.float32) / 255 - np.float32(0.449)) / np.float32(0.226)))


def test_a_changed_weight_file_is_refused() -> None:
    with pytest.raises(DatasetError, match="expected SHA-256 0000"):
        read_state(Path(LITE0.weights()), "0" * 64)


def state_file(folder: Path, *pickles: object, tail: bytes = b"") -> tuple[Path, str]:
    stream = io.BytesIO()
    for content in pickles:
        pickle.dump(content, stream, protocol=2)
    file = folder / "state.pth"
    file.write_bytes(stream.getvalue() + tail)
    return file, hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_state_file_runs_no_code(tmp_path: Path) -> None:
    with pytest.raises(pickle.UnpicklingError, match="is not allowed in a state file"):
        read_state(*state_file(tmp_path, 0x1950A86A20F9469CFC6C, 1001, {}, Path("anything")))


def test_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="not a PyTorch state file of the legacy format"):
        read_state(*state_file(tmp_path, 1, 2, 3))
