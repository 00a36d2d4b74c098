"""The same network with thresholds chosen anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from radiolens.bundle import NETWORK_FILES, RELEASED, read_bundle
from radiolens.cli import cli
from radiolens.errors import BundleError
from radiolens.evaluation.conformal import ConformalSets, answers_of
from radiolens.evaluation.threshold_choice import RULE
from radiolens.inference.engine import Engine
from radiolens.tasks import get_task
from radiolens.training.rethreshold import rethreshold
from tests.tiny_bundle import make_bundle

CHEST, MRI = get_task("chest-xray"), get_task("brain-mri")
EVIDENCE = "best balanced accuracy on the validation split. pneumonia: home 40 present, 40 absent"


def chest_sets() -> ConformalSets:
    """Return sets of 80 films, each finding present in half of them; nothing lies between 0.2 and 0.8."""
    present = np.arange(80) < 40
    scores = np.where(present, np.linspace(0.8, 0.99, 80), np.linspace(0.01, 0.2, 80))
    truth = np.stack([~present, present] * 2, axis=1)
    return ConformalSets.calibrated(
        CHEST.label_names, np.stack([scores] * 2, axis=1), truth, ["home"] * 80, exclusive=False
    )


def test_only_thresholds_change_and_what_is_told_of_them(tmp_path: Path) -> None:
    old = make_bundle(tmp_path, sets=chest_sets(), threshold_evidence=EVIDENCE)
    found = CliRunner().invoke(cli, ["bundle", "rethreshold", str(old), str(tmp_path / "new"), "--version", "0.0.2"])
    assert found.exit_code == 0, found.output
    before, after = read_bundle(old), read_bundle(tmp_path / "new")
    assert f"pneumonia: {before.bundle.thresholds['pneumonia']:.4f} before, " in found.output
    assert f"chest-xray 0.0.2: {after.sha256}" in found.output
    for name in NETWORK_FILES:
        assert (after.folder / name).read_bytes() == (old / name).read_bytes()
    assert after.bundle.threshold_evidence == EVIDENCE.replace(". ", f", {RULE}. ", 1)
    origin = after.bundle.provenance["thresholds_chosen_anew_of"]
    assert origin == {"version": "0.0.1", "sha256": before.sha256}
    assert not (after.folder / "evidence").exists()
    # Of 40 absent films two may be alarms; they lie from 0.2 downwards, 0.19 / 79 apart.
    for threshold in after.bundle.thresholds.values():
        assert 0.1 < threshold < 0.2
    with pytest.raises(BundleError, match="what today's rule chooses"):
        rethreshold(after.folder, tmp_path / "newer", "0.0.3")


def test_what_cannot_be_chosen_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    plain = make_bundle(tmp_path / "plain")
    with pytest.raises(BundleError, match="it keeps no scores of calibration cases"):
        rethreshold(plain, tmp_path / "new", "0.0.2")
    truth = np.eye(len(answers_of(MRI.label_names, exclusive=True)), dtype=bool)
    exclusive = ConformalSets.calibrated(MRI.label_names, np.full((4, 4), 0.25), truth, ["web"] * 4, exclusive=True)
    typed = make_bundle(tmp_path / "typed", "brain-mri", sets=exclusive)
    with pytest.raises(BundleError, match="its labels exclude one another"):
        rethreshold(typed, tmp_path / "new", "0.0.2")
    with pytest.raises(BundleError, match="A bundle is never changed"):
        rethreshold(plain, plain, "0.0.2")
    with pytest.raises(BundleError, match=r"is version 0\.0\.1 already"):
        rethreshold(plain, tmp_path / "new", "0.0.1")
    with pytest.raises(BundleError, match=r"cannot be called 'chest-xray' '\.\./0'"):
        rethreshold(plain, tmp_path / "new", "../0")
    assert {entry.name for entry in tmp_path.iterdir()} == {"plain", "typed"}


@pytest.mark.parametrize("folder", sorted(RELEASED.glob("chest-xray/*")), ids=lambda folder: folder.name)
def test_the_released_thresholds_are_those_of_the_rule(folder: Path, tmp_path: Path) -> None:
    assert RULE in Engine.open(folder).installed.bundle.threshold_evidence
    with pytest.raises(BundleError, match="what today's rule chooses"):
        rethreshold(folder, tmp_path / "new", "9.9.9")
