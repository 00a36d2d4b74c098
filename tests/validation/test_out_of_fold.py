"""Cross-validation: each case is answered by the network that has not seen it, and by nothing that has."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import pyarrow.parquet
import pytest
from click.testing import CliRunner

from radiolens.cli import cli
from radiolens.data.manifest import Case, Manifest, write_manifest
from radiolens.errors import DatasetError, PatientLeakage
from radiolens.tasks import get_task
from radiolens.training.export import Exported, export_bundle
from radiolens.training.fold_export import calibrated_out_of_fold
from radiolens.training.folds import Answers, Fold, calibration_answers, finished_folds, fold_numbers
from radiolens.training.train import Watcher, predict_logits
from radiolens.validation.out_of_fold import OutOfFold, cross_validate, pooled
from tests.training import tiny_experiment
from tests.training.conftest import collection

__all__ = ["collection"]  # a fixture that is used here, too

EXPERIMENT = replace(tiny_experiment.EXPERIMENT, epochs=1, patience=2)
"""With early stopping, which a cross-validation must not use."""

TASK = get_task("chest-xray")
BARE = ("external", "test", "validation", "train")
"""The splits of the first films, which have no fold."""


@dataclass(frozen=True)
class Validated:
    """A finished cross-validation: its manifest, its runs, its result, the stages that were told."""

    manifest: Manifest
    runs: Path
    found: OutOfFold
    stages: tuple[str, ...]


@pytest.fixture(scope="module")
def folded(collection: Manifest) -> Manifest:
    """Return the collection with three folds, the third of which is a test split, and a film of each split without."""
    cases = [
        replace(case, fold=number % 3 + 1, split="test" if number % 3 == 2 else "train")
        for number, case in enumerate(collection.cases)
    ]
    for number, split in enumerate(BARE):
        cases[number] = replace(cases[number], split=split, fold=None)
    return replace(collection, cases=tuple(cases))


@pytest.fixture(scope="module")
def validated(folded: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Validated:
    runs = tmp_path_factory.mktemp("runs")
    stages: list[str] = []
    found = cross_validate(EXPERIMENT, folded, runs, Watcher(lambda stage, done, total: stages.append(stage)))
    return Validated(folded, runs, found, tuple(dict.fromkeys(stages)))


def test_each_case_is_answered_once_by_the_network_that_was_trained_without_its_fold(validated: Validated) -> None:
    found = validated.found
    used = [case for case in validated.manifest.cases if case.fold is not None]
    assert sorted(case.path for case in found.scored.cases) == sorted(case.path for case in used)
    assert set(found.networks) == {1, 2, 3}
    for fold in found.networks:
        rows = [row for row, case in enumerate(found.scored.cases) if case.fold == fold]
        run = validated.runs / f"tiny-without-fold{fold}"
        model = keras.saving.load_model(run / "network.keras")
        logits = predict_logits(model, found.scored.grey[rows], EXPERIMENT.preprocessing)
        with np.load(run / "answers.npz") as kept:
            assert kept["logits"][: len(rows)] == pytest.approx(logits, abs=1e-4)
            assert len(kept["logits"]) == len(rows) + 3  # what has no fold and is not trained on
        order = found.scored.probabilities[rows].argsort(axis=0)  # a temperature keeps the order
        assert (order == logits.argsort(axis=0)).all()


def test_the_schedule_is_fixed_and_no_fold_is_trained_on_what_it_judges(validated: Validated) -> None:
    for fold in validated.found.networks:
        config = json.loads((validated.runs / f"tiny-without-fold{fold}" / "config.json").read_text())
        assert config["patience"] == 0
    assert any(stage == "answering without fold 3" for stage in validated.stages)


def test_test_and_external_films_without_a_fold_are_answered_by_every_network(validated: Validated) -> None:
    others = validated.found.others
    assert [(case.split, case.fold) for case in others.cases] == [
        (split, fold) for fold in (1, 2, 3) for split in ("external", "test")
    ]
    assert others.probabilities.shape == (6, 2)
    assert len(np.unique(others.probabilities[:, 0])) == 6


def test_what_is_finished_can_be_had_again_and_what_is_not_is_told(validated: Validated, tmp_path: Path) -> None:
    found = finished_folds(EXPERIMENT, validated.manifest, validated.runs)
    assert [fold.sha256 for fold in found] == list(validated.found.networks.values())
    with pytest.raises(DatasetError, match=r"no answers of 'tiny' without fold 1, 2, 3.*crossvalidate"):
        finished_folds(EXPERIMENT, validated.manifest, tmp_path)


def test_a_network_is_calibrated_on_other_folds_and_on_validation_films_without_a_fold(validated: Validated) -> None:
    folds = finished_folds(EXPERIMENT, validated.manifest, validated.runs)
    cases, logits = calibration_answers(folds, 2)
    assert {case.fold for case in cases} == {1, 3, None}
    assert [case.path for case in cases if case.fold is None] == ["2.png"]
    assert logits[-1].tolist() == folds[1].others.logits[2].tolist()
    assert logits[: len(folds[0].own.cases)].tolist() == folds[0].own.logits.tolist()


def test_a_second_call_trains_nothing_and_finds_the_same(validated: Validated) -> None:
    networks = sorted([*validated.runs.glob("*/epoch-*.keras"), *validated.runs.glob("*/model.onnx")])
    assert len(networks) == 6
    before = [file.stat().st_mtime_ns for file in networks]
    again = cross_validate(EXPERIMENT, validated.manifest, validated.runs)
    assert [file.stat().st_mtime_ns for file in networks] == before
    assert (again.scored.probabilities == validated.found.scored.probabilities).all()


def test_a_call_that_was_stopped_goes_on_with_the_fold_it_was_at(folded: Manifest, tmp_path: Path) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if (tmp_path / "tiny-without-fold2").exists() and stage.startswith("epoch 1"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cross_validate(EXPERIMENT, folded, tmp_path, Watcher(stop))
    answered = tmp_path / "tiny-without-fold1" / "answers.npz"
    before = answered.stat().st_mtime_ns
    resumed = cross_validate(EXPERIMENT, folded, tmp_path)
    assert set(resumed.networks) == {1, 2, 3}
    assert answered.stat().st_mtime_ns == before


def test_the_network_of_a_fold_becomes_a_bundle_calibrated_on_answers_out_of_fold(
    validated: Validated, tmp_path: Path
) -> None:
    network = validated.runs / "tiny-without-fold3" / "network.keras"
    plain = Exported(EXPERIMENT, validated.manifest, network, validated.runs / "cache")
    exported = calibrated_out_of_fold(plain, validated.runs, 3)
    installed = export_bundle(exported, tmp_path / "bundle", "1.0.0")
    stored = hashlib.sha256((installed.folder / "model.onnx").read_bytes()).hexdigest()
    assert stored == validated.found.networks[3]  # the very file whose answers calibrated it
    bundle = installed.bundle
    assert bundle.thresholds == pytest.approx(validated.found.points[3].thresholds)
    assert "the folds 1, 2, each by the network that was trained without it" in bundle.threshold_evidence
    counts = bundle.provenance["cases"]
    assert isinstance(counts, dict)
    # 30 films of the folds 1 and 2, and one bare film of training; the same 30 and one of validation.
    assert [sum(part[split] for part in counts.values()) for split in ("train", "validation")] == [30, 30]


@pytest.mark.slow
def test_a_mean_of_networks_is_judged_out_of_fold_and_exported_as_one_network_is(
    collection: Manifest, tmp_path: Path
) -> None:
    cases = [
        replace(case, fold=number // 4 % 3 + 1, split="train") if case.source == "clinic" else case
        for number, case in enumerate(collection.cases)
    ]
    manifest = replace(collection, cases=tuple(cases))
    start = replace(EXPERIMENT, name="start", base=replace(EXPERIMENT, name="base", sources=("practice",), patience=0))
    mean = replace(start, name="mean", mean_of=(start, replace(start, name="other", seed=1)))
    found = cross_validate(mean, manifest, tmp_path)
    assert [fold.sha256 for fold in finished_folds(mean, manifest, tmp_path)] == list(found.networks.values())
    for fold in found.networks:
        member = json.loads((tmp_path / f"mean-without-fold{fold}-other" / "config.json").read_text())
        assert member["patience"] == 0
    assert len(list(tmp_path.glob("base*"))) == 1
    network = tmp_path / "mean-without-fold2" / "network.keras"
    exported = calibrated_out_of_fold(Exported(mean, manifest, network, tmp_path / "cache"), tmp_path, 2)
    installed = export_bundle(exported, tmp_path / "bundle", "1.0.0")
    assert hashlib.sha256((installed.folder / "model.onnx").read_bytes()).hexdigest() == found.networks[2]
    assert installed.bundle.provenance["mean_of"] == ["start", "other"]


@pytest.mark.parametrize(
    ("fold", "network", "message"),
    [(4, "tiny-without-fold3", "no fold 4. Choose of 1, 2, 3"), (2, "tiny-without-fold3", "not the network that left")],
)
def test_another_fold_or_network_is_not_exported(validated: Validated, fold: int, network: str, message: str) -> None:
    file = validated.runs / network / "network.keras"
    exported = Exported(EXPERIMENT, validated.manifest, file, validated.runs / "cache")
    with pytest.raises(DatasetError, match=message):
        calibrated_out_of_fold(exported, validated.runs, fold)


def test_folds_by_which_no_network_could_be_calibrated_are_told_before_training(
    folded: Manifest, tmp_path: Path
) -> None:
    ill = {"pneumonia": 1, "tuberculosis": 1}
    well = {"pneumonia": 0, "tuberculosis": 0}
    cases = tuple(replace(case, labels=ill if case.fold == 2 else well) for case in folded.cases)
    with pytest.raises(DatasetError, match=r"all but fold 2.* lacks present or absent cases of pneumonia"):
        cross_validate(EXPERIMENT, replace(folded, cases=cases), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("left", [b"", b"another network"])
def test_a_network_that_is_not_the_one_that_answered_is_not_exported(
    validated: Validated, tmp_path: Path, left: bytes
) -> None:
    runs = shutil.copytree(validated.runs, tmp_path / "runs")
    network = runs / "tiny-without-fold3" / "network.keras"
    stored = network.with_name("model.onnx")
    stored.write_bytes(left)
    if not left:
        stored.unlink()
    exported = Exported(EXPERIMENT, validated.manifest, network, runs / "cache")
    with pytest.raises(DatasetError, match=r"model\.onnx is not the network that gave the answers of fold 3\. Remove"):
        calibrated_out_of_fold(exported, runs, 3)
    network.with_name("answers.npz").unlink()
    cross_validate(EXPERIMENT, validated.manifest, runs)
    assert calibrated_out_of_fold(exported, runs, 3).stored == stored


def folds(shift: float = 0.0) -> list[Fold]:
    """Return three folds of random logits that tell the label a little; the second is shifted."""
    random = np.random.default_rng(0)
    made = []
    for number in (1, 2, 3):
        told = [(index % 2, index // 2 % 2) for index in range(60)]
        cases = tuple(
            Case(f"{number}-{index}", source="clinic", labels={"pneumonia": one, "tuberculosis": other}, fold=number)
            for index, (one, other) in enumerate(told)
        )
        logits = np.asarray(told, float) * 2 - 1 + random.normal(0, 1, (60, 2)) + shift * (number == 2)
        own = Answers(cases, logits.astype(np.float32), np.zeros((60, 4, 4), np.uint8))
        made.append(Fold(number, own, Answers((), own.logits[:0], own.grey[:0]), str(number)))
    return made


def test_nothing_that_a_fold_is_judged_by_has_seen_it() -> None:
    plain, shifted = pooled(TASK, folds()), pooled(TASK, folds(shift=3.0))
    second = np.asarray([case.fold == 2 for case in plain.scored.cases])
    for name in TASK.label_names:
        assert (plain.thresholds[name][second] == shifted.thresholds[name][second]).all()
        assert (plain.thresholds[name][~second] != shifted.thresholds[name][~second]).all()
    logits = folds()[1].own.logits
    # One temperature and bias for the fold, and one calibration of its sets: those that shifting it does not touch.
    assert (shifted.points[2].probabilities(logits) == plain.scored.probabilities[second]).all()
    sets = plain.points[2].sets.scores, shifted.points[2].sets.scores
    assert all((sets[0][answer]["clinic"].values == sets[1][answer]["clinic"].values).all() for answer in sets[0])


def test_sets_out_of_fold_have_the_confidence_that_is_asked() -> None:
    points = pooled(TASK, folds(), 0.7).points
    assert {point.sets.confidence for point in points.values()} == {0.7}


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ([], 2, "Give --output, where the study of all folds goes, or one --fold"),
        (["--output", "out", "--fold", 1], 2, "Give --output"),
        (["--fold", 9], 1, "no fold 9. Choose of 1, 2, 3"),
    ],
)
def test_the_command_wants_an_output_or_a_fold_that_is_there(
    folded: Manifest, tmp_path: Path, options: list[str | int], code: int, message: str
) -> None:
    manifest = tmp_path / "folded.csv"
    write_manifest(folded, manifest)
    call = ["crossvalidate", "chest_xray", "--data", manifest, "--runs", tmp_path / "runs", *options]
    ended = CliRunner().invoke(cli, [*map(str, call)])
    assert (ended.exit_code, message in ended.output) == (code, True)
    assert not (tmp_path / "runs").exists()


def test_a_manifest_without_folds_is_refused_with_the_option_that_cuts_them(collection: Manifest) -> None:
    with pytest.raises(DatasetError, match=r"0 folds, .* at least two.*--folds 5"):
        fold_numbers(collection)


def test_a_patient_in_two_folds_is_refused(folded: Manifest) -> None:
    cases = tuple(replace(case, patient_id="one") for case in folded.cases)
    with pytest.raises(PatientLeakage, match="in more than one split"):
        fold_numbers(replace(folded, cases=cases))


@pytest.mark.slow
def test_one_command_writes_the_pooled_study_and_another_exports_one_of_its_networks(
    folded: Manifest, tmp_path: Path
) -> None:
    manifest = folded.file.with_name("folded.csv")
    write_manifest(folded, manifest)
    own = tmp_path / "mine.py"
    own.write_text(
        "from dataclasses import replace\n"
        "from tests.training.tiny_experiment import EXPERIMENT as TINY\n"
        "EXPERIMENT = replace(TINY, name='mine', epochs=1)\n"
    )
    call = ["crossvalidate", own, "--data", manifest, "--runs", tmp_path / "runs"]
    ended = CliRunner().invoke(cli, [*map(str, [*call, "--fold", 1])])
    assert ended.exit_code == 0, ended.output
    (answered,) = (tmp_path / "runs").glob("*/answers.npz")
    before = answered.stat().st_mtime_ns
    ended = CliRunner().invoke(cli, [*map(str, [*call, "--output", tmp_path / "out", "--resamples", 20])])
    assert ended.exit_code == 0, ended.output
    assert answered.stat().st_mtime_ns == before
    assert "pneumonia" in ended.stdout
    study = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert study["settings"]["folds"] == [1, 2, 3]
    assert study["settings"]["experiment"]["name"] == "mine"
    assert len(set(study["settings"]["networks"].values())) == 3
    rows = pyarrow.parquet.read_table(tmp_path / "out" / "predictions.parquet").to_pylist()
    assert len(rows) == study["settings"]["cases"] == 44
    assert (tmp_path / "out" / "curves.png").exists()
    contrasts = {(row["question"], row["contrast"]) for row in study["within_folds"]["contrasts"]}
    assert ("pneumonia", "normal cases of clinic against practice") in contrasts
    assert "AUROC within folds" in ended.stdout
    places = [own, tmp_path / "runs" / "mine-without-fold2" / "network.keras", tmp_path / "bundle"]
    options = ["--data", manifest, "--runs", tmp_path / "runs", "--version", "1.0.0", "--without-fold", 2]
    exported = CliRunner().invoke(cli, [*map(str, ["export", *places, *options])])
    assert exported.exit_code == 0, exported.output
    assert "the folds 1, 3, each" in json.loads((tmp_path / "bundle" / "bundle.json").read_text())["threshold_evidence"]
    stored = hashlib.sha256((tmp_path / "bundle" / "model.onnx").read_bytes()).hexdigest()
    assert stored == study["settings"]["networks"]["2"]
