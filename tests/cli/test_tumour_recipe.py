"""The recipe by which a site trains a tumour network on its own CT slices runs as docs/brain-ct.md says it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from click.testing import CliRunner, Result

from radiolens.bundle import RELEASED, read_bundle
from radiolens.cli import cli
from radiolens.data.manifest import read_manifest
from radiolens.inference.installed import find_installed
from radiolens.tasks import get_task
from tests.phantoms import head_slice
from tests.project.documents import text_of

SMALL = """
from dataclasses import replace

from radiolens.imaging.preprocess import Preprocessing
from tests.training.tiny_experiment import tiny_backbone

EXPERIMENT = replace(
    EXPERIMENT,
    backbone=tiny_backbone,
    preprocessing=Preprocessing(32, 32),
    epochs=1,
    images_per_epoch=16,
    batch_size=8,
)
"""
"""What makes the experiment of the page one of seconds."""


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", text_of("docs/brain-ct.md"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with slices of 60 patients, half of them with a bright spot for a tumour, and the experiment."""
    for patient in range(1, 61):
        pixels = np.clip((head_slice() + 40) * 3, 0, 255).astype(np.uint8)
        pixels += np.random.default_rng(patient).integers(0, 20, pixels.shape, np.uint8)
        if patient % 2:
            pixels[40:60, 40:60] = 255
        file = tmp_path / "slices" / ("tumour" if patient % 2 else "none") / f"p{patient:02}_03.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(pixels).save(file)
    (experiment,) = blocks("python")
    (tmp_path / "ct_tumour.py").write_text(experiment + SMALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RADIOLENS_HOME", str(tmp_path / "home"))
    return tmp_path


def run(line: str) -> Result:
    return CliRunner().invoke(cli, shlex.split(line)[1:])


def test_a_site_trains_measures_and_asks_a_tumour_network_of_its_own(place: Path) -> None:
    lines = [line for block in blocks("walkthrough") for line in block.splitlines()]
    assert [line.split()[1] for line in lines] == [
        *("data", "data", "train", "export", "evaluate", "bundle", "tasks", "predict")
    ]
    told = {}
    for line in lines:
        result = run(line)
        assert result.exit_code == 0, f"{line}\n{result.output}"
        told[line.split()[1]] = result.output

    cases = read_manifest(place / "slices" / "split.csv", get_task("brain-ct")).cases
    assert {case.labels["haemorrhage"] for case in cases} == {None}  # not annotated is not absent
    assert {case.labels["tumour"] for case in cases} == {0, 1}

    bundle = read_bundle(place / "home" / "bundles" / "ct-tumour" / "1.0.0").bundle
    assert (bundle.name, bundle.task, bundle.labels) == ("ct-tumour", "brain-ct", ("tumour",))
    assert bundle.limits[0] == "Only brain tumour is looked for; every other disease is missed."
    assert not [text for text in bundle.limits if "aemorrhage" in text]
    card = (place / "home" / "bundles" / "ct-tumour" / "1.0.0" / "evidence" / "model_card.md").read_text()
    assert 'it says "No brain tumour found"' in card
    assert "by ct-tumour 1.0.0 (tumour, asked for by --bundle ct-tumour)" in told["tasks"]
    assert re.search(r"p01_03\.png: tumour \d\.\d\d \((present|absent|indeterminate)\)", told["predict"])

    installed = find_installed([RELEASED, place / "home" / "bundles"])
    default = installed.default("brain-ct")
    assert default
    assert default.bundle.name == "brain-ct"  # the site's own does not take the place of the released one
    taken = run(
        lines[3].replace("ct-tumour/1.0.0", "chest-xray/1.0.0").replace("--name ct-tumour", "--name chest-xray")
    )
    assert taken.exit_code == 1
    assert "cannot be called 'chest-xray'" in taken.stderr
