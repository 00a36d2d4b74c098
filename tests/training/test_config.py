"""Experiments: found by name or path, checked on construction, narrowed to their part of a manifest."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from radiolens.cli import cli
from radiolens.data.manifest import Case, Manifest, write_manifest
from radiolens.errors import DatasetError
from radiolens.imaging.preprocess import Preprocessing
from radiolens.tasks import get_task
from radiolens.training import configs, value_rules
from radiolens.training.config import Absence, Augmentation, Experiment, Masking, SourceErasure, as_json, completed
from radiolens.training.configs import load_experiment
from radiolens.training.configs.brain_mri import source_and_side
from tests.training import tiny_experiment

KNOWN = (
    "brain_ct",
    "brain_mri",
    "chest_xray",
    "chest_xray_averaged",
    "chest_xray_erased",
    "chest_xray_larger",
    "chest_xray_lite2",
    "chest_xray_masked",
    "chest_xray_reconciled",
    "chest_xray_staged",
    "chest_xray_styled",
    "chest_xray_toned",
    "chest_xray_toned_styled",
)


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_experiment_is_headed_by_command_runtime_and_result(name: str) -> None:
    experiment = load_experiment(name)
    text = (Path(configs.__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    head = text.split('"""')[1]
    assert experiment.name == name
    assert f"Command: radiolens train {name} --data ../shared/data/{experiment.task}" in head
    assert "\nRuntime: " in head
    assert "\nResult: " in head


def test_the_known_experiments_are_these() -> None:
    with pytest.raises(DatasetError, match=f"Known: {', '.join(KNOWN)}; or give the path"):
        load_experiment("nothing")


def test_a_file_of_ones_own_is_an_experiment() -> None:
    own = load_experiment(tiny_experiment.__file__)
    assert own.name == "tiny"
    assert callable(own.backbone)


@pytest.mark.parametrize(
    ("text", "message"),
    [("EXPERIMENT = 3", "must define EXPERIMENT"), ("", "must define EXPERIMENT"), (None, "there is no such file")],
)
def test_a_file_without_an_experiment_is_refused(text: str | None, message: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    if text is not None:
        file.write_text(text)
    with pytest.raises(DatasetError, match=message):
        load_experiment(str(file))


_FIELD = "from radiolens.training.config import Augmentation, Experiment\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "x = 1\nEXPERIMENT = Experiment(\n",
            r"mine.py, line 2: this is not Python \('\(' was never closed\). Correct",
        ),
        ("x = 1\nimport sys\nsys.exit(0)\n", "mine.py, line 3: this ends the program, .* Take it out"),
        ("\n\n1 / 0\n", r"mine.py, line 3: this raises ZeroDivisionError \(division by zero\). Correct the file"),
        ("assert False\n", "mine.py, line 1: this raises AssertionError. Correct the file"),
        ("import kears\n", r"mine.py, line 1: this raises ModuleNotFoundError \(No module named 'kears'\)"),
        ("import json\njson.loads('{')\n", "mine.py, line 2: this raises JSONDecodeError"),
        (
            f"{_FIELD}EXPERIMENT = Experiment('x', 'chest-xray', epoch=3)\n",
            r"mine.py, line 2: Experiment has no value 'epoch'. Did you mean epochs\?",
        ),
        (f"{_FIELD}Augmentation(zzz=1)\n", "mine.py, line 2: Augmentation has no value 'zzz'. Known: smallest_crop, "),
        (f"{_FIELD}EXPERIMENT = Experiment('x', 'chest-xray', epochs=0)\n", "experiment 'x': epochs is 0"),
    ],
)
def test_a_file_that_does_not_run_is_one_sentence(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(text)
    with pytest.raises(DatasetError, match=message) as found:
        load_experiment(str(file))
    assert "\n" not in str(found.value)


def test_a_file_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_bytes(b"x = '\xff'\n")
    with pytest.raises(DatasetError, match=r"mine.py.*: this is not Python"):
        load_experiment(str(file))


@pytest.fixture
def folded(collection: Manifest) -> Path:
    """Return a manifest whose cases have the folds 0 and 1."""
    file = collection.file.with_name("from-0.csv")
    cases = tuple(replace(case, fold=number % 2) for number, case in enumerate(collection.cases))
    write_manifest(replace(collection, file=file, cases=cases), file)
    return file


def radiolens(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_the_first_fold_may_be_0(folded: Path, tmp_path: Path) -> None:
    runs = ["--data", folded, "--runs", tmp_path]
    own = tmp_path / "mine.py"
    own.write_text(
        "from dataclasses import replace\n"
        "from tests.training.tiny_experiment import EXPERIMENT as TINY\n"
        "EXPERIMENT = replace(TINY, name='mine', epochs=1)\n"
    )
    trained = radiolens("train", own, *runs, "--hold-out", 0)
    assert trained.exit_code == 0, trained.stderr
    network = tmp_path / "mine-fold0" / "network.keras"
    exported = radiolens("export", own, network, tmp_path / "b", *runs, "--version", "1.0.0", "--without-fold", 0)
    assert "no answers of 'mine' without fold 0, 1" in exported.stderr


def test_a_fold_that_there_is_not_is_answered_with_those_there_are(
    folded: Path, collection: Manifest, tmp_path: Path
) -> None:
    own = tiny_experiment.__file__
    found = radiolens("train", own, "--data", folded, "--runs", tmp_path, "--hold-out", 9)
    assert (found.exit_code, list(tmp_path.iterdir())) == (1, [])
    assert "from-0.csv: no fold 9 to hold out. Choose of 0, 1." in found.stderr
    found = radiolens("train", own, "--data", collection.file, "--runs", tmp_path, "--hold-out", 9)
    assert found.exit_code == 1
    assert "manifest.csv: no case that could be held out has a fold. Write folds into it" in found.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "experiment 'x': epochs is 0, expected a whole number from 1 on"),
        ({"epochs": 1.5}, "epochs is 1.5, expected a whole number"),
        ({"epochs": "3"}, "epochs is '3', expected a whole number"),
        ({"epochs": True}, "epochs is True, expected a whole number"),
        ({"batch_size": 0}, "batch_size is 0, expected a whole number from 1 on"),
        ({"batch_size": 8.0}, "batch_size is 8.0, expected a whole number"),
        ({"patience": -1}, "patience is -1, expected a whole number from 0 on"),
        ({"seed": -1}, "seed is -1, expected a whole number from 0 to 4294967295"),
        ({"seed": 2**32}, "seed is 4294967296, expected a whole number from 0 to 4294967295"),
        ({"label_smoothing": 5.0}, "label_smoothing is 5.0, expected 0 to below 1"),
        ({"weight_decay": -1}, "weight_decay is -1, expected 0 or more"),
        ({"learning_rate": -1e-4}, "learning_rate is -0.0001, expected 0 or more"),
        ({"learning_rate": math.nan}, "learning_rate is nan, expected 0 or more"),
        ({"learning_rate": math.inf}, "learning_rate is inf, expected 0 or more"),
        ({"dropout": 2}, "dropout is 2, expected 0 to below 1"),
        ({"map_weight": -0.1}, "map_weight is -0.1, expected 0 or more"),
        ({"name": ""}, "name is '', expected a text without /"),
        ({"name": "../x"}, "name is '../x', expected a text without /"),
        ({"name": ".."}, "name is '..', expected a text without /"),
        ({"backbone": None}, "backbone is None, expected the name of a network, or a function"),
        ({"group_by": "source"}, "group_by is 'source', expected a function"),
        ({"preprocessing": (224, 224)}, r"preprocessing is \(224, 224\), expected a Preprocessing"),
        ({"preprocessing": Preprocessing(0, 224)}, "preprocessing.rows is 0, expected a whole number from 1 on"),
        ({"preprocessing": Preprocessing(9, 9, scale=0.0)}, "preprocessing.scale is 0.0, expected above 0"),
        (
            {"preprocessing": Preprocessing(9, 9, percentiles=(99.0, 1.0))},
            r"preprocessing.percentiles is \(99.0, 1.0\), expected a lower and a higher percentile",
        ),
        ({"augmentation": None}, "augmentation is None, expected an Augmentation"),
        ({"base": "chest_xray"}, "base is 'chest_xray', expected an Experiment, or None"),
        ({"sources": "nih"}, r"sources is 'nih', expected a tuple of names; one alone is written \('name',\)"),
        ({"labels": ["pneumonia"]}, r"labels is \['pneumonia'\], expected a tuple of names"),
        ({"masked": Masking("clinic", "pneumonia")}, "masked is Masking.*, expected a tuple"),
        ({"assumed_absent": ("clinic",)}, r"assumed_absent holds 'clinic'. Write each entry as Absence\(source, label"),
        ({"mean_of": ("start", "other")}, "mean_of holds 'start'. Write each entry as an Experiment"),
        (
            {"sources": ("practice",), "masked": (Masking("clinic", "pneumonia"),)},
            r"masked names pneumonia of clinic, but clinic is none of its sources \(practice\). Take it out",
        ),
        (
            {"labels": ("pneumonia",), "assumed_absent": (Absence("clinic", "tuberculosis", "none there"),)},
            r"assumed_absent names tuberculosis of clinic, but tuberculosis is none of its labels \(pneumonia\)",
        ),
        ({"images_per_epoch": 10, "batch_size": 11}, "10 images in batches of 11"),
        ({"warmup_share": 1.0}, "warmup_share is 1.0, expected 0 to below 1"),
        ({"set_confidence": 1.0}, "set_confidence is 1.0, expected 0 to below 1"),
        (
            {"masked": (("clinic", "pneumonia"),)},
            r"masked holds \('clinic', 'pneumonia'\). Write each entry as Masking",
        ),
    ],
)
def test_an_experiment_that_could_not_run_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        Experiment(**{"name": "x", "task": "chest-xray", **change})  # type: ignore[arg-type]  # one field each


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"smallest_crop": 0.0}, "an augmentation: smallest_crop is 0.0, expected above 0, up to 1"),
        ({"rotation_degrees": -8.0}, "rotation_degrees is -8.0, expected 0 to 180"),
        ({"quarter_turns": 1}, "quarter_turns is 1, expected True or False"),
        ({"flip_probability": 1.5}, "flip_probability is 1.5, expected 0 to 1"),
        ({"gamma": -0.7}, "gamma is -0.7, expected 0 or more"),
        ({"contrast": (1.3, 0.6)}, r"contrast is \(1.3, 0.6\), expected a lower and an upper end"),
        ({"contrast": (-0.6, 1.3)}, r"contrast is \(-0.6, 1.3\), expected a lower and an upper end, neither below 0"),
        ({"contrast": 0.6}, "contrast is 0.6, expected a lower and an upper end"),
        ({"median": 0.5}, "median is 0.5, expected a lower and an upper end between 0"),
        ({"brightness": math.nan}, "brightness is nan, expected 0 to 1"),
        ({"border": 0.6}, "border is 0.6, expected 0 to 0.5"),
        ({"noise": -0.1}, "noise is -0.1, expected 0 to 1"),
        ({"blur": None}, "blur is None, expected 0 to 1"),
        ({"jpeg_probability": -0.2}, "jpeg_probability is -0.2, expected 0 to 1"),
    ],
)
def test_an_augmentation_that_could_not_be_drawn_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        Augmentation(**change)  # type: ignore[arg-type]  # one field each


def test_each_value_of_an_experiment_and_its_augmentation_has_a_rule() -> None:
    of_own_types = {"base", "augmentation"}  # which the experiment checks itself
    assert {name for name in value_rules.EXPERIMENT if "." not in name} == {
        entry.name for entry in fields(Experiment)
    } - of_own_types
    assert value_rules.AUGMENTATION.keys() == {entry.name for entry in fields(Augmentation)}


def test_one_case_in_a_half_cannot_keep_its_annotation() -> None:
    with pytest.raises(DatasetError, match=r"keep_one_in of pneumonia of clinic is 0.5, expected 0"):
        Masking("clinic", "pneumonia", keep_one_in=0.5)  # type: ignore[arg-type]  # the mistake


def test_a_mean_is_of_networks_that_start_from_one_base() -> None:
    base = Experiment("base", "chest-xray")
    start = Experiment("start", "chest-xray", base=base)
    other = replace(start, name="other", seed=1)
    mean = replace(start, name="mean", mean_of=(start, other))
    assert {member.patience for member in mean.with_fixed_schedule().mean_of} == {0}
    for members, message in (
        ((start,), "is the mean of start. Give at least two"),
        ((start, start), "is the mean of start, start. Give at least two"),
        ((start, replace(other, name="mean")), "each with a name of its own"),
        ((start, replace(other, base=None)), "'other', of which it is a mean, differs from it in base"),
        ((start, replace(other, labels=("pneumonia",))), "differs from it in labels"),
        ((start, replace(other, sources=("clinic",))), "differs from it in sources"),
        ((start, replace(other, freeze_batch_norms=False)), "'other', .* trains its batch norms"),
        ((start, replace(mean, name="inner")), "'inner', .* is a mean itself"),
    ):
        with pytest.raises(DatasetError, match=message):
            replace(start, name="mean", mean_of=members)
    without = [replace(one, base=None) for one in (start, other)]
    with pytest.raises(DatasetError, match="starts from no base"):
        replace(without[0], name="mean", mean_of=tuple(without))


def test_a_mean_with_its_base_is_of_networks_of_one_kind() -> None:
    base = Experiment("base", "chest-xray")
    joined = Experiment("joined", "chest-xray", base=base, mean_with_base=True)
    for change, message in (
        ({"base": None}, "'joined' is to be the mean of its base and itself, but has none"),
        ({"base": replace(base, backbone="efficientnet-lite2")}, "but differs from it in backbone"),
        ({"freeze_batch_norms": False}, "but trains its batch norms"),
        ({"mean_of": (joined, joined)}, "but is a mean of others already"),
    ):
        with pytest.raises(DatasetError, match=message):
            replace(joined, **change)  # type: ignore[arg-type]  # one field each
    start = Experiment("start", "chest-xray", base=base)
    with pytest.raises(DatasetError, match=r"'joined', .* is a mean itself"):
        replace(start, name="mean", mean_of=(start, joined))


def test_differences_of_sources_are_taken_from_the_head_of_a_base() -> None:
    base = Experiment("base", "chest-xray", patience=3)
    erasure = SourceErasure("tuberculosis", ("clinic", "practice"), 0.5)
    start = Experiment("start", "chest-xray", base=base, erased=(erasure,))
    replace(start, preprocessing=Preprocessing(240, 240))  # answers larger pictures than its base learnt
    fixed = start.with_fixed_schedule()
    assert (fixed.patience, fixed.base.patience if fixed.base else None) == (0, 0)
    written = as_json(start)
    assert written["erased"] == [{"label": "tuberculosis", "sources": ("clinic", "practice"), "share": 0.5}]
    older = {key: value for key, value in written.items() if key not in ("erased", "set_confidence")}
    assert (completed(older)["erased"], completed(older)["set_confidence"]) == ([], 0.0)
    for change, message in (
        ({"base": None}, "'start' takes what sources differ by from a head, but it has no base"),
        ({"base": replace(base, backbone="efficientnet-lite2")}, "but it differs from its base in backbone"),
        (
            {"preprocessing": Preprocessing(240, 240, offset=0.0)},
            "but its pictures differ from those of its base in more",
        ),
        ({"mean_with_base": True}, "but it is a mean. Let the mean be its base"),
        ({"labels": ("pneumonia",), "base": replace(base, labels=("pneumonia",))}, "tuberculosis is none of its label"),
        ({"sources": ("clinic",)}, r"practice is none of its sources \(clinic\)"),
    ):
        with pytest.raises(DatasetError, match=message):
            replace(start, **change)  # type: ignore[arg-type]  # one or two fields each
    other = Experiment("other", "chest-xray", base=base)
    with pytest.raises(DatasetError, match=r"'start', .* is not trained itself"):
        replace(other, name="mean", mean_of=(start, other))
    for wrong, message in (
        ({"share": 0.0}, "the share of an erasure of tuberculosis is 0.0, expected above 0"),
        ({"share": 1.5}, "is 1.5, expected above 0, up to 1"),
        ({"sources": ("clinic", "clinic")}, "between clinic, clinic. Give two different sources"),
    ):
        with pytest.raises(DatasetError, match=message):
            replace(erasure, **wrong)  # type: ignore[arg-type]  # one field each


def test_what_an_erasure_names_must_be_known(collection: Manifest) -> None:
    base = Experiment("base", "chest-xray")
    for erasure, message in (
        (SourceErasure("cold", ("clinic", "practice")), "names the labels cold"),
        (SourceErasure("pneumonia", ("clinic", "elsewhere")), "names the sources elsewhere"),
    ):
        with pytest.raises(DatasetError, match=message):
            Experiment("x", "chest-xray", base=base, erased=(erasure,)).part(collection)


def test_an_experiment_takes_its_sources_and_labels_only(collection: Manifest) -> None:
    experiment = Experiment("x", "chest-xray", sources=("clinic",), labels=("tuberculosis",))
    part = experiment.part(collection)
    assert part.task.label_names == ("tuberculosis",)
    assert {case.source for case in part.cases} == {"clinic"}
    assert Experiment("x", "chest-xray").part(collection) == collection


def test_names_that_the_manifest_does_not_know_are_refused(collection: Manifest) -> None:
    with pytest.raises(DatasetError, match=r"names the sources elsewhere, but .* knows clinic, practice"):
        Experiment("x", "chest-xray", sources=("clinic", "elsewhere")).part(collection)
    with pytest.raises(DatasetError, match=r"names the labels cold, but .* knows pneumonia, tuberculosis"):
        Experiment("x", "chest-xray", labels=("cold",)).part(collection)
    for change, message in (
        ({"masked": (Masking("Clinic", "pneumonia"),)}, "names the sources Clinic, but .* knows clinic, practice"),
        ({"masked": (Masking("clinic", "bogus"),)}, "names the labels bogus, but .* knows pneumonia, tuberculosis"),
        ({"assumed_absent": (Absence("nih", "tuberculosis", "rare"),)}, "names the sources nih, but .* knows clinic"),
        ({"assumed_absent": (Absence("clinic", "cold", "rare"),)}, "names the labels cold, but .* knows pneumonia"),
    ):
        with pytest.raises(DatasetError, match=message):
            Experiment("x", "chest-xray", **change).part(collection)  # type: ignore[arg-type]  # one field each
    named = (Masking("clinic", "pneumonia"),)
    assert Experiment("x", "chest-xray", sources=("clinic",), masked=named).part(collection).cases
    mri = replace(collection, task=get_task("brain-mri"))
    with pytest.raises(DatasetError, match="exclude one another"):
        Experiment("x", "brain-mri", labels=("glioma",)).part(mri)


def test_an_experiment_is_json_with_functions_by_name() -> None:
    content = json.loads(json.dumps(as_json(tiny_experiment.EXPERIMENT)))
    assert content["backbone"] == "tiny_backbone"
    assert content["group_by"] == "source_and_label"
    assert content["preprocessing"]["rows"] == 32
    assert content["augmentation"]["contrast"] == [0.6, 1.3]


def test_what_an_earlier_version_left_out_is_read() -> None:
    experiment = Experiment("x", "chest-xray", masked=(Masking("clinic", "pneumonia"),))
    written = json.loads(json.dumps(as_json(experiment)))
    assert written["masked"] == [{"source": "clinic", "label": "pneumonia", "keep_one_in": 0}]
    assert completed({**written, "masked": [["clinic", "pneumonia"]]}) == completed(written) == written


def test_web_pictures_are_grouped_by_side_and_figshare_by_type() -> None:
    tumours = frozenset({"glioma", "meningioma", "pituitary"})
    assert source_and_side(Case("a", "figshare", possible=frozenset({"glioma"}))) == "figshare:glioma"
    assert source_and_side(Case("a", "web", possible=tumours)) == "web:tumour"
    assert source_and_side(Case("a", "web", possible=frozenset({"glioma"}))) == "web:tumour"
    assert source_and_side(Case("a", "web", possible=frozenset({"no_tumour"}))) == "web:no_tumour"
