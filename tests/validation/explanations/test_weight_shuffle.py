"""Shuffled weights: only the layers asked for, within each tensor, and maps that lose what was learnt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from radiolens.bundle import RELEASED, find_bundles
from radiolens.inference.engine import Engine
from radiolens.inference.explanation import maps_of
from radiolens.inference.session import open_session
from radiolens.validation.explanations.weight_shuffle import ALL_WEIGHTS, Shown, layer_count, randomisation, shuffled
from radiolens.validation.plan import Plan
from tests.tiny_bundle import SIDE, make_bundle

PLAN = Plan(resamples=200)


@pytest.fixture
def tiny(tmp_path: Path) -> Engine:
    return Engine.open(make_bundle(tmp_path / "bundles"), 1)


def weights(content: bytes | Path) -> dict[str, np.ndarray]:
    model = onnx.load_from_string(content) if isinstance(content, bytes) else onnx.load(content)
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def test_the_last_layers_are_shuffled_within_their_tensors_and_no_others(tiny: Engine) -> None:
    model = onnx.load(tiny.installed.folder / "model.onnx")
    before = weights(tiny.installed.folder / "model.onnx")
    assert layer_count(model) == 2
    one, two = (weights(shuffled(model, layers, np.random.default_rng(1))) for layers in (1, 2))
    np.testing.assert_array_equal(one["kernel"], before["kernel"])
    for changed, name in ((one, "head_kernel"), (two, "kernel"), (two, "head_kernel")):
        assert (changed[name] != before[name]).any()
        np.testing.assert_array_equal(np.sort(changed[name], axis=None), np.sort(before[name], axis=None))
    np.testing.assert_array_equal(weights(tiny.installed.folder / "model.onnx")["kernel"], before["kernel"])


def test_weights_that_an_earlier_layer_shares_and_those_behind_a_cast_are_known() -> None:
    half = numpy_helper.from_array(np.arange(16, dtype=np.float16).reshape(4, 4), "half")
    scale = numpy_helper.from_array(np.arange(4, dtype=np.float32), "scale")
    nodes = [
        helper.make_node("Cast", ["half"], ["whole"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["image", "whole"], ["first"]),
        helper.make_node("MatMul", ["first", "whole"], ["second"]),
        helper.make_node("Mul", ["second", "scale"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "shared",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 4])],
        [half, scale],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    assert layer_count(model) == 2
    last = weights(shuffled(model, 1, np.random.default_rng(3)))
    np.testing.assert_array_equal(last["half"], np.arange(16).reshape(4, 4))  # the first layer uses it, too
    assert (last["scale"] != np.arange(4)).any()  # a scale belongs to the layer before it
    both = shuffled(model, 2, np.random.default_rng(3))
    assert (weights(both)["half"] != np.arange(16).reshape(4, 4)).any()
    assert open_session(both, 1).run(["logits"], {"image": np.ones((1, 4), np.float32)})[0].shape == (1, 4)


def shown_by(engine: Engine, count: int = 20) -> Shown:
    grey = np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE), np.uint8)
    columns = np.zeros(count, np.intp)
    maps = np.stack([maps_of(engine, picture)[0] for picture in grey])
    return Shown(grey, columns, maps, np.arange(count))


def test_maps_lose_their_order_when_all_weights_are_shuffled(tiny: Engine, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    stages = randomisation(tiny, shown_by(tiny), tmp_path / "work", PLAN, lambda *step: told.append(step))
    assert [entry.stage for entry in stages][:1] == ["head"]
    assert stages[-1].stage == ALL_WEIGHTS
    assert [entry.layers for entry in stages] == [1, 1, 1, 2, 2]
    for entry in stages:
        assert entry.cases == 20
        assert abs(entry.rank_correlation.estimate) < 0.9
        assert entry.rank_correlation.low <= entry.rank_correlation.estimate <= entry.rank_correlation.high
    assert abs(stages[-1].rank_correlation.estimate) < 0.3
    assert told[-1] == ("Shuffling weights", 15, 15)


def test_what_was_shuffled_is_kept_and_gives_the_same(tiny: Engine, tmp_path: Path) -> None:
    shown, work = shown_by(tiny, 8), tmp_path / "work"

    def cut(_: str, done: int, __: int) -> None:
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        randomisation(tiny, shown, work, PLAN, cut)
    before = {file: file.stat().st_mtime_ns for file in work.glob("*.npy")}
    first = randomisation(tiny, shown, work, PLAN)
    assert before
    assert all(file.stat().st_mtime_ns == time for file, time in before.items())
    assert first == randomisation(tiny, shown, tmp_path / "other", PLAN)


@pytest.mark.slow
@pytest.mark.parametrize("folder", find_bundles([RELEASED]).values(), ids=lambda folder: folder.parent.name)
def test_a_released_network_has_its_fifty_layers_and_runs_shuffled(folder: Path) -> None:
    model = onnx.load(folder / "model.onnx")
    # EfficientNet-Lite0: 49 convolutions (stem, 16 blocks of 2 or 3, last) and the dense head.
    assert layer_count(model) == 50
    image = np.random.default_rng(0).normal(0, 1, (1, 224, 224, 1)).astype(np.float32)
    (features,) = open_session(shuffled(model, 50, np.random.default_rng(0)), 1).run(["features"], {"image": image})
    assert np.isfinite(features).all()
    assert features.any()
