"""One call writes the whole evidence, and goes on where it was cut."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from radiolens.bundle import DOCUMENTS, RELEASED, find_bundles, read_bundle
from radiolens.data.manifest import Case, Manifest, write_manifest
from radiolens.errors import DatasetError, PatientLeakage
from radiolens.inference.engine import Engine
from radiolens.tasks import get_task
from radiolens.validation.documents.figures import SECTIONS
from radiolens.validation.documents.seal import verify_documents
from radiolens.validation.evidence import Request, make_evidence
from radiolens.validation.study import Plan
from tests.phantoms import chest_film
from tests.tiny_bundle import make_bundle

PLAN = Plan(seed=0, resamples=20, trees=10)
FILMS = 48


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine.open(make_bundle(tmp_path_factory.mktemp("bundles")))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine.open(make_bundle(tmp_path_factory.mktemp("others"), seed=1, version="0.0.2"))


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Return films of two hospitals, half of them for training, two of each patient."""
    folder = tmp_path_factory.mktemp("films")
    cases = []
    for number in range(2 * FILMS):
        Image.fromarray(np.rint(chest_film(40, 40, number) * 255).astype(np.uint8)).save(folder / f"{number}.png")
        cases.append(
            Case(
                path=f"{number}.png",
                source=("north", "south")[number // 2 % 2],
                patient_id=str(number // 2),
                split="train" if number < FILMS else "test",
                labels={"pneumonia": number // 4 % 2, "tuberculosis": None},
            )
        )
    found = Manifest(folder / "manifest.csv", get_task("chest-xray"), tuple(cases))
    write_manifest(found, found.file)
    return found


def request(engine: Engine, manifest: Manifest, output: Path, *sections: str, **more: Any) -> Request:  # noqa: ANN401  of Request
    cases = tuple(case for case in manifest.cases if case.split == "test")
    return Request(engine, manifest, cases, output, PLAN, frozenset(sections), **more)


class Cut(Exception):
    """What ends a call in a test."""


def cut_at(stage: str, done: int = 1) -> Any:  # noqa: ANN401  a Progress
    def progress(found: str, count: int, total: int) -> None:
        if found.startswith(stage) and count >= done:
            raise Cut(stage)

    return progress


def test_the_folder_is_whole_and_nothing_else_is_left(engine: Engine, manifest: Manifest, tmp_path: Path) -> None:
    content = make_evidence(request(engine, manifest, tmp_path / "out"))
    assert content == json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        *("evaluation.json", "predictions.parquet", "plots", "hashes.json"),
        *("report.html", "model_card.md", "datasheet.md", "claim.md"),
    }
    assert verify_documents(engine.installed, tmp_path / "out")
    assert list(content) == [
        *("settings", "binary", "averages", "subgroups", "types", "prediction_sets", "contrasts"),
        *SECTIONS,
        *("largest_errors", "dataset"),
    ]


@pytest.fixture(scope="module")
def whole(engine: Engine, manifest: Manifest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the content of a call that was not cut."""
    return dict(make_evidence(request(engine, manifest, tmp_path_factory.mktemp("whole"))))


@pytest.mark.parametrize(("stage", "done"), [("Scoring", 20), ("Reading training images", 20), ("Measuring", 2)])
def test_a_call_that_was_cut_anywhere_goes_on_and_gives_the_same_figures(
    stage: str, done: int, engine: Engine, manifest: Manifest, whole: dict[str, Any], tmp_path: Path
) -> None:
    asked = request(engine, manifest, tmp_path / "cut")
    with pytest.raises(Cut):
        make_evidence(asked, cut_at(stage, done))
    kept = {file: file.read_bytes() for file in (tmp_path / "cut" / "work").iterdir()}
    assert kept
    with pytest.raises(Cut):  # and once more: what was kept is not made anew
        make_evidence(asked, cut_at(stage, done))
    for file, content in kept.items():
        assert file.read_bytes().startswith(content)
    assert make_evidence(asked) == whole
    assert not (tmp_path / "cut" / "work").exists()


def test_a_finished_study_is_not_measured_again_unless_the_plan_differs(
    engine: Engine, manifest: Manifest, tmp_path: Path
) -> None:
    asked = request(engine, manifest, tmp_path)
    with pytest.raises(Cut):
        make_evidence(asked, cut_at("Drawing"))
    stages: set[str] = set()
    make_evidence(asked, lambda stage, done, total: stages.add(stage))
    assert stages == {"Scoring", "Drawing"}
    with pytest.raises(Cut):
        make_evidence(asked, cut_at("Drawing"))
    with pytest.raises(Cut):
        make_evidence(replace(asked, plan=replace(PLAN, seed=1)), cut_at("Measuring"))


def test_what_is_finished_stays_until_the_hashes_are_written(
    engine: Engine, manifest: Manifest, tmp_path: Path
) -> None:
    asked, in_the_way = request(engine, manifest, tmp_path), tmp_path / "hashes.json.partial"
    in_the_way.mkdir()
    with pytest.raises(IsADirectoryError):
        make_evidence(asked)
    in_the_way.rmdir()
    stages: set[str] = set()
    make_evidence(asked, lambda stage, done, total: stages.add(stage))
    assert stages == {"Scoring", "Drawing"}
    assert verify_documents(engine.installed, tmp_path)
    assert not (tmp_path / "work").exists()


def test_another_bundle_is_compared_on_the_same_cases(
    engine: Engine, other: Engine, manifest: Manifest, tmp_path: Path
) -> None:
    content = make_evidence(request(engine, manifest, tmp_path, "comparison", against=other))
    assert (content["comparison"]["first"], content["comparison"]["second"]) == ("chest-xray 0.0.1", "chest-xray 0.0.2")
    assert content["comparison"]["cases"] == FILMS
    row = next(row for row in content["comparison"]["rows"] if row["source"] == "all")
    alone = next(row for row in content["binary"] if row["source"] == "all")
    assert row["first_auroc"] == pytest.approx(alone["auroc"])
    assert "Against another bundle" in (tmp_path / "report.html").read_text()


def test_a_bundle_of_another_task_cannot_be_compared(engine: Engine, manifest: Manifest, tmp_path: Path) -> None:
    mri = Engine.open(make_bundle(tmp_path, task="brain-mri"))
    with pytest.raises(DatasetError, match=r"answers brain-mri, not chest-xray\. Compare bundles of one task"):
        make_evidence(request(engine, manifest, tmp_path / "out", "comparison", against=mri))


def test_a_manifest_whose_patients_were_learnt_is_not_measured(
    engine: Engine, manifest: Manifest, tmp_path: Path
) -> None:
    learnt = replace(manifest.cases[0], split="train", patient_id="one")
    cases = (learnt, replace(manifest.cases[1], split="test", patient_id="one"), *manifest.cases[2:])
    leaking = replace(manifest, cases=cases)
    with pytest.raises(PatientLeakage, match="stand in more than one split"):
        make_evidence(Request(engine, leaking, cases[1:], tmp_path / "evidence", Plan(0, 100)))


def test_the_evidence_of_another_bundle_is_not_written_over(
    engine: Engine, other: Engine, manifest: Manifest, tmp_path: Path
) -> None:
    settings = {"bundle": engine.installed.sha256, "name": "chest-xray", "version": "0.0.1"}
    make_evidence(replace(request(engine, manifest, tmp_path), plan=replace(PLAN, settings=settings)))
    before = (tmp_path / "evaluation.json").read_bytes()
    with pytest.raises(DatasetError, match=r"found the evidence of chest-xray 0\.0\.1 .*that of chest-xray 0\.0\.2"):
        make_evidence(request(other, manifest, tmp_path))
    assert (tmp_path / "evaluation.json").read_bytes() == before


def test_what_an_earlier_version_left_is_replaced(engine: Engine, manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "plots").mkdir()
    for name in ("curves.png", "plots/roc-older-question.svg"):
        (tmp_path / name).write_text("older")
    make_evidence(request(engine, manifest, tmp_path))
    assert not (tmp_path / "curves.png").exists()
    assert not (tmp_path / "plots" / "roc-older-question.svg").exists()


@pytest.mark.slow
def test_the_studies_asked_for_are_made_and_stand_in_report_and_card(
    engine: Engine, manifest: Manifest, tmp_path: Path
) -> None:
    content = make_evidence(request(engine, manifest, tmp_path, "robustness", "explanations"))
    assert [name for name in SECTIONS if content[name]] == ["robustness", "explanations"]
    assert verify_documents(engine.installed, tmp_path)
    card = (tmp_path / "model_card.md").read_text()
    assert content["explanations"]["verdict"] in card
    assert "unchanged; with noise 40 0." in card
    assert (tmp_path / "plots" / "robustness-pneumonia.svg").is_file()


KILLED = """
import os, signal, sys
from radiolens import cli
from radiolens.cli import evaluate

stage = sys.argv.pop(1)


def progress(found, done, total):
    if found.startswith(stage):
        os.kill(os.getpid(), signal.SIGKILL)


evaluate.stage_progress = lambda stream: progress
cli.main()
"""


@pytest.mark.slow
def test_a_program_killed_at_any_stage_goes_on(engine: Engine, manifest: Manifest, tmp_path: Path) -> None:
    output = tmp_path / "out"
    arguments = ["evaluate", str(engine.installed.folder), str(manifest.file)]
    arguments += ["--output", str(output), "--resamples", "20", "--only", "robustness"]
    for stage in ("Reading training images", "Drawing"):
        killed = subprocess.run([sys.executable, "-c", KILLED, stage, *arguments], capture_output=True, check=False)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert (output / "work").is_dir()
        assert not (output / "hashes.json").exists()
    command = [sys.executable, "-m", "radiolens", *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    assert verify_documents(engine.installed, output)
    assert not (output / "work").exists()


@pytest.mark.parametrize("file", sorted(RELEASED.glob("*/*/evidence/evaluation.json")), ids=lambda file: file.parts[-4])
def test_the_evidence_is_of_the_bundle_beside_it(file: Path) -> None:
    told = json.loads(file.read_text())["settings"]["bundle"]
    assert told == hashlib.sha256((file.parents[1] / "bundle.json").read_bytes()).hexdigest()


@pytest.mark.parametrize("folder", find_bundles([RELEASED]).values(), ids=lambda folder: folder.parts[-2])
def test_the_evidence_of_a_released_bundle_is_whole(folder: Path) -> None:
    current = json.loads((folder / "evidence" / "hashes.json").read_text()).get("documents") == DOCUMENTS
    assert verify_documents(read_bundle(folder)) is current
