"""Experiments: found by name or path, checked on construction, narrowed to their part of a manifest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from radiolens.data.manifest import Case, Manifest
from radiolens.errors import DatasetError
from radiolens.imaging.preprocess import Preprocessing
from radiolens.tasks import get_task
from radiolens.training import configs
from radiolens.training.config import Experiment, Masking, SourceErasure, as_json, completed
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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "0 epochs"),
        ({"batch_size": 0}, "in batches of 0"),
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
        Experiment("x", "chest-xray", **change)  # type: ignore[arg-type]  # one field each


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
