"""The whole way from kept features to a bundle, and from pictures to kept features, on little data."""

from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from radiolens.cli import cli
from radiolens.errors import BundleError
from radiolens.imaging.preprocess import network_input
from radiolens.inference.gate_network import GateNetwork
from radiolens.safety.sight import Kind
from radiolens.training.gate.feature_set import FeatureSet
from radiolens.training.gate.features import kept_features
from radiolens.training.gate.network import build_backbone, build_heads, joined
from radiolens.training.gate.recipe import Planned
from radiolens.training.gate.release import gate_of, train_gate
from radiolens.training.gate.samples import KINDS, PREPROCESSING, Picture, Sample, genuine_sample, plain_sample

pytestmark = pytest.mark.slow

TASK_KINDS = (Kind.CHEST_FRONTAL, Kind.BRAIN_MR, Kind.BRAIN_CT)


def features(count: int, seed: int) -> FeatureSet:
    """Return features of genuine pictures of the tasks, with and without rotation, and of others, all easily told."""
    random = np.random.default_rng(seed)
    kinds = np.array([KINDS.index((*TASK_KINDS, Kind.OTHER)[number % 4]) for number in range(count)])
    turned = (np.arange(count) % 8 >= 4) & (kinds != KINDS.index(Kind.OTHER))
    pooled = random.normal(size=(count, 1280)).astype(np.float32) * 0.2
    pooled[np.arange(count), kinds * 10] += 5
    middle = random.normal(size=(count, 8, 8, 112)).astype(np.float16) * np.float16(0.2)
    middle[turned, :4, :, 0] += np.float16(5)
    defects = np.zeros((count, 3), np.int8)
    defects[:, 0] = turned
    defects[kinds == KINDS.index(Kind.OTHER)] = -1
    families = np.where(turned, "rotated", np.where(kinds == KINDS.index(Kind.OTHER), "page", "genuine"))
    sources = np.array(["nih", "figshare", "sich", "generated"])[np.arange(count) % 4]
    names = np.array([f"{number}.png" for number in range(count)])
    return FeatureSet(middle, pooled, kinds, defects, sources, names, families)


def samples(count: int) -> list[Sample]:
    random = np.random.default_rng(0)
    film = Picture(random.integers(0, 256, (90, 70)).astype(np.uint8), Kind.CHEST_FRONTAL, "nih", "film.png")
    return [genuine_sample(film, random) for _ in range(count - 1)] + [plain_sample(film, "page", {})]


def test_features_are_what_the_backbone_gives_and_are_kept(tmp_path: Path) -> None:
    made = samples(6)
    steps: list[tuple[str, int, int]] = []
    found = kept_features(tmp_path, "few", Planned(6, "abc", iter(made)), lambda *step: steps.append(step))
    assert steps[-1] == ("looking at few pictures", 6, 6)
    assert found.defects.tolist() == [[0, 0, 0]] * 5 + [[-1, -1, -1]]
    assert found.families.tolist() == ["genuine"] * 5 + ["page"]
    image = network_input(np.stack([sample.seen for sample in made]), PREPROCESSING)
    middle, last = build_backbone().predict_on_batch(image)
    # The large weights are stored as float16, as in the released network: 1e-3 of a feature.
    np.testing.assert_allclose(found.pooled, np.asarray(last).mean(axis=(1, 2)), atol=0.01)
    np.testing.assert_allclose(found.middle, middle, atol=0.05)

    again = kept_features(tmp_path, "few", Planned(6, "abc", iter(())))
    np.testing.assert_array_equal(again.middle, found.middle)
    other = kept_features(tmp_path, "few", Planned(2, "abd", iter(made[4:])))  # another recipe
    assert len(other) == 2
    assert {file.name for file in tmp_path.iterdir()} == {"few-abc.npz", "few-abd.npz"}


def test_the_whole_network_is_heads_on_features_with_shifts() -> None:
    heads = build_heads((1.0, 1.0), seed=3)
    shifts = np.zeros((5, 3), np.float32)
    shifts[:, 1] = -2.0  # whatever the kind, so exactly -2
    image = network_input(np.stack([sample.seen for sample in samples(3)]), PREPROCESSING)
    middle, last = build_backbone().predict_on_batch(image)
    expected = np.asarray(heads.predict_on_batch([middle, np.asarray(last).mean(axis=(1, 2))]))
    expected[:, 6] -= 2.0
    whole = joined(heads, shifts)
    np.testing.assert_allclose(whole.predict_on_batch(image), expected, atol=1e-3)
    assert isinstance(whole.get_layer("features").output, keras.KerasTensor)


def test_a_gate_is_made_of_features(tmp_path: Path) -> None:
    folder = tmp_path / "gate" / "1.2.3"
    made = gate_of(features(800, 0), features(160, 2), folder, "1.2.3")
    network = GateNetwork.open(folder)
    assert network.installed == made
    bundle = network.bundle
    assert bundle.version == "1.2.3"
    assert bundle.second_look == ("inverted",)
    assert all(limit == 0.5 for limit in (bundle.refuse_from[name] for name in bundle.defects))  # all are told easily
    assert bundle.provenance["samples"]["nih:genuine"] == 100
    assert sum(file.stat().st_size for file in folder.iterdir()) < 9_000_000
    with pytest.raises(BundleError, match="A bundle is never changed"):
        train_gate(tmp_path, folder, "1.2.3", tmp_path / "work")


def test_the_command_says_what_is_missing_before_it_looks_at_anything(tmp_path: Path) -> None:
    folder = tmp_path / "gate" / "1.2.3"
    told = CliRunner().invoke(
        cli, ["train-gate", str(tmp_path), "--version", "1.2.3", "--output", str(folder), "--work", str(tmp_path)]
    )
    assert told.exit_code == 1
    assert "there is no manifest.csv in this folder" in told.output
    assert not folder.exists()
