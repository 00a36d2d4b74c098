"""A run: what it leaves, how it goes on after any cut, and what it refuses."""

from __future__ import annotations

import fcntl
import json
import shutil
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from radiolens.data.manifest import Case, Manifest
from radiolens.errors import DatasetError, PatientLeakage, RadiolensError, TrainingDiverged
from radiolens.imaging.preprocess import Preprocessing, network_input
from radiolens.training.checkpoints import Epoch, best_epoch, locked, read_log
from radiolens.training.config import Masking, SourceErasure
from radiolens.training.model import resized
from radiolens.training.pipeline import read_grey_levels
from radiolens.training.train import Watcher, base_run, predict_logits, train
from tests.training.conftest import Run
from tests.training.tiny_experiment import EXPERIMENT

TOLERANCE = 1e-5
"""Of weights and losses: threads of one machine may sum float32 in another order."""


def weights(network: Path) -> list[np.ndarray]:
    return keras.saving.load_model(network).get_weights()  # type: ignore[no-any-return]  # keras ships no types


def assert_same_run(run: Path, network: Path, finished: Run) -> None:
    for found, expected in zip(read_log(run), finished.epochs, strict=True):
        assert asdict(found) == pytest.approx(asdict(expected), abs=TOLERANCE)
    for own, straight in zip(weights(network), weights(finished.network), strict=True):
        np.testing.assert_allclose(own, straight, atol=TOLERANCE)


def test_a_run_leaves_its_facts_log_curves_and_network_and_nothing_else(finished: Run) -> None:
    assert {file.name for file in finished.folder.iterdir()} == {
        "config.json",
        "environment.json",
        "log.jsonl",
        "curves.png",
        "epoch-0003.keras",
        "network.keras",
        "lock",
    }
    config = json.loads((finished.folder / "config.json").read_text())
    assert config["seed"] == 0
    assert config["backbone"] == "tiny_backbone"
    (environment,) = json.loads((finished.folder / "environment.json").read_text())
    assert {"python", "commit", "keras", "tensorflow", "devices"} <= environment.keys()
    assert (finished.folder / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_tells_of_every_image_and_batch_and_epoch(finished: Run) -> None:
    assert finished.stages.count(("reading the images of the split train", 24, 24)) == 1
    assert [told for told in finished.stages if told[0] == "epoch 2 of 3"] == [
        ("epoch 2 of 3", batch, 4) for batch in (1, 2, 3, 4)
    ]
    assert [epoch.number for epoch in finished.epochs] == [0, 1, 2]
    assert list(finished.epochs) == read_log(finished.folder)


def test_training_lowers_the_loss(finished: Run) -> None:
    assert finished.epochs[-1].loss < finished.epochs[0].loss


def test_the_same_seed_gives_the_same_run_and_another_seed_another(
    collection: Manifest, finished: Run, tmp_path: Path
) -> None:
    cache = finished.folder.parent / "cache"
    assert_same_run(tmp_path / "run", train(EXPERIMENT, collection, tmp_path / "run", cache), finished)
    train(replace(EXPERIMENT, seed=1), collection, tmp_path / "other", cache)
    assert read_log(tmp_path / "other")[0].loss != pytest.approx(finished.epochs[0].loss, abs=TOLERANCE)


def leave_everything(run: Path) -> None:
    """Leave a run as it was after an epoch."""


def cut_while_writing_a_checkpoint(run: Path) -> None:
    (run / "partial-epoch.keras").write_bytes(b"half")


def cut_before_the_log(run: Path) -> None:
    (run / "epoch-0002.keras").write_bytes(b"a checkpoint that the log does not name yet")
    (run / "partial-log.jsonl").write_text('{"number": 0, "lo')


def cut_before_the_result(run: Path) -> None:
    (run / "network.keras").unlink()
    (run / "partial-network.keras").write_bytes(b"half")


@pytest.mark.parametrize(
    "cut", [leave_everything, cut_while_writing_a_checkpoint, cut_before_the_log, cut_before_the_result]
)
def test_a_run_that_was_cut_anywhere_ends_like_an_uninterrupted_one(
    cut: Callable[[Path], None], collection: Manifest, finished: Run, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished.after[0], run)
    cut(run)
    network = train(EXPERIMENT, collection, run, finished.folder.parent / "cache")
    assert_same_run(run, network, finished)
    assert {file.name for file in run.iterdir()} == {file.name for file in finished.folder.iterdir()}


def test_a_finished_run_is_not_trained_again(collection: Manifest, finished: Run, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished.folder, run)
    stages: list[str] = []
    watcher = Watcher(lambda stage, done, total: stages.append(stage), lambda epoch: stages.append("epoch"))
    assert train(EXPERIMENT, collection, run, finished.folder.parent / "cache", watcher) == run / "network.keras"
    assert stages == []


def test_a_run_may_go_on_elsewhere_and_says_so(collection: Manifest, finished: Run, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished.after[1], run)
    (first,) = json.loads((run / "environment.json").read_text())
    (run / "environment.json").write_text(json.dumps([{**first, "python": "3.0"}]))
    train(EXPERIMENT, collection, run, finished.folder.parent / "cache")
    before, now = json.loads((run / "environment.json").read_text())
    assert (before["python"], before["finished_epochs"]) == ("3.0", 0)
    assert (now["python"], now["finished_epochs"]) == (first["python"], 2)


def test_the_best_epoch_is_kept_and_patience_ends_the_run(collection: Manifest, finished: Run, tmp_path: Path) -> None:
    # A learning rate that only grows worse: after warm-up the second epoch cannot beat a first one of tiny steps.
    hasty = replace(EXPERIMENT, epochs=12, patience=2, learning_rate=3.0, warmup_share=0.0)
    network = train(hasty, collection, tmp_path / "run", finished.folder.parent / "cache")
    log = read_log(tmp_path / "run")
    losses = [epoch.validation_loss for epoch in log]
    assert len(log) < 12
    assert len(log) - 1 - int(np.argmin(losses)) == 2
    best = tmp_path / "run" / f"epoch-{int(np.argmin(losses)) + 1:04d}.keras"
    assert network.read_bytes() == best.read_bytes()


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"seed": 1}, "seed"),
        ({"epochs": 4}, "epochs"),
        ({"masked": (Masking("clinic", "pneumonia"),)}, "cases, masked"),
        ({"group_by": lambda case: case.source}, "cases, group_by"),
    ],
)
def test_another_experiment_does_not_go_on_in_a_run(
    change: dict[str, object], key: str, collection: Manifest, finished: Run
) -> None:
    with pytest.raises(DatasetError, match=f"holds another experiment: {key} differ from its config.json"):
        train(replace(EXPERIMENT, **change), collection, finished.folder, finished.folder.parent / "cache")  # type: ignore[arg-type]  # one field each


def test_a_run_from_before_an_augmentation_was_known_goes_on_without_it(
    collection: Manifest, finished: Run, tmp_path: Path
) -> None:
    run = shutil.copytree(finished.folder, tmp_path / "run")
    config = json.loads((run / "config.json").read_text())
    del config["augmentation"]["blur"]
    (run / "config.json").write_text(json.dumps(config))
    cache = finished.folder.parent / "cache"
    assert train(EXPERIMENT, collection, run, cache).parent == run
    blurred = replace(EXPERIMENT, augmentation=replace(EXPERIMENT.augmentation, blur=0.01))
    with pytest.raises(DatasetError, match="holds another experiment: augmentation differ"):
        train(blurred, collection, run, cache)


def test_what_is_no_matter_of_training_may_be_chosen_after_it(collection: Manifest, finished: Run) -> None:
    surer = replace(EXPERIMENT, set_confidence=0.7)
    assert train(surer, collection, finished.folder, finished.folder.parent / "cache").parent == finished.folder


def test_other_labels_in_the_manifest_do_not_go_on_in_a_run(collection: Manifest, finished: Run) -> None:
    first = replace(collection.cases[0], labels={"pneumonia": 0, "tuberculosis": 1})
    changed = replace(collection, cases=(first, *collection.cases[1:]))
    with pytest.raises(DatasetError, match="cases differ"):
        train(EXPERIMENT, changed, finished.folder, finished.folder.parent / "cache")


def test_an_experiment_that_failed_before_its_first_epoch_may_be_corrected(
    collection: Manifest, finished: Run, tmp_path: Path
) -> None:
    run, cache = tmp_path / "run", finished.folder.parent / "cache"
    with pytest.raises(TrainingDiverged):
        train(replace(EXPERIMENT, learning_rate=1e30, warmup_share=0.0), collection, run, cache)
    assert json.loads((run / "config.json").read_text())["learning_rate"] == 1e30
    assert_same_run(run, train(EXPERIMENT, collection, run, cache), finished)


def test_a_leaking_manifest_is_refused(collection: Manifest, tmp_path: Path) -> None:
    leaking = replace(collection, cases=tuple(replace(case, patient_id="one") for case in collection.cases))
    with pytest.raises(PatientLeakage, match="more than one split"):
        train(EXPERIMENT, leaking, tmp_path / "run", tmp_path)
    assert not (tmp_path / "run").exists()


def test_cases_without_any_annotation_are_not_trained_on(collection: Manifest, finished: Run, tmp_path: Path) -> None:
    nothing = Case("missing.png", source="clinic", split="train", labels={"pneumonia": None, "tuberculosis": None})
    more = replace(collection, cases=(*collection.cases, nothing))
    # The file is not there: the run could not read it, and it goes on as the same run.
    assert train(EXPERIMENT, more, finished.folder, finished.folder.parent / "cache") == finished.network


def test_a_split_without_cases_is_refused(collection: Manifest, tmp_path: Path) -> None:
    cases = tuple(replace(case, split="train") for case in collection.cases)
    with pytest.raises(DatasetError, match="no annotated case of any source in the split 'validation'"):
        train(EXPERIMENT, replace(collection, cases=cases), tmp_path / "run", tmp_path)


def test_a_loss_that_is_no_number_ends_the_run_without_a_checkpoint(
    collection: Manifest, finished: Run, tmp_path: Path
) -> None:
    with pytest.raises(RadiolensError, match=r"epoch 1: the loss is nan.*Lower the learning rate"):
        train(
            replace(EXPERIMENT, learning_rate=1e30, warmup_share=0.0),
            collection,
            tmp_path / "run",
            finished.folder.parent / "cache",
        )
    assert not list((tmp_path / "run").glob("*.keras"))


def test_two_processes_do_not_train_in_one_folder(collection: Manifest, finished: Run) -> None:
    with (finished.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DatasetError, match="another process trains in"):
            train(EXPERIMENT, collection, finished.folder, finished.folder.parent / "cache")


def test_a_base_that_another_process_trains_is_waited_for(
    collection: Manifest, finished: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    short = replace(EXPERIMENT, epochs=1, patience=0)
    start = replace(short, name="start", base=replace(short, name="base"))
    run, held = tmp_path / "start", threading.Event()

    def hold() -> None:
        with locked(base_run(replace(short, name="base"), collection, run)):
            held.set()
            while "waiting for another process" not in caplog.text:
                time.sleep(0.01)

    threading.Thread(target=hold, daemon=True).start()
    assert held.wait(10)
    assert train(start, collection, run, finished.folder.parent / "cache").exists()
    assert "waiting for another process" in caplog.text


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda run: (run / "log.jsonl").write_text("{"), "not a training log"),
        (lambda run: (run / "config.json").write_text(""), "config.json: not the configuration of a run"),
        (lambda run: (run / "config.json").write_text("[]"), "config.json: not the configuration of a run"),
        (
            lambda run: (run / "epoch-0003.keras").write_bytes((run / "epoch-0003.keras").read_bytes()[:20_000]),
            "epoch-0003.keras: found a file that Keras does not open",
        ),
        (lambda run: (run / "epoch-0003.keras").unlink(), "tells of 3 epochs, but epoch-0003.keras is missing"),
    ],
)
def test_a_damaged_run_is_refused(
    damage: Callable[[Path], object], message: str, collection: Manifest, finished: Run, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished.folder, run)
    damage(run)
    with pytest.raises(DatasetError, match=message):
        train(EXPERIMENT, collection, run, finished.folder.parent / "cache")


def test_logits_do_not_depend_on_the_batch_size(finished: Run) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (5, 32, 32), np.uint8)
    model = keras.saving.load_model(finished.network)
    one_by_one = predict_logits(model, grey, EXPERIMENT.preprocessing, batch_size=1)
    np.testing.assert_allclose(predict_logits(model, grey, EXPERIMENT.preprocessing), one_by_one, atol=1e-5)
    assert isinstance(finished.epochs[0], Epoch)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_ends_an_epoch_even_where_a_finalizer_swallows_it(collection: Manifest, tmp_path: Path) -> None:
    stages: list[str] = []

    class Finalized:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    def progress(stage: str, done: int, total: int) -> None:
        stages.append(stage)
        if stage.startswith("epoch 2") and done == 1:
            Finalized()

    with pytest.raises(KeyboardInterrupt):
        train(EXPERIMENT, collection, tmp_path / "run", tmp_path / "cache", Watcher(progress))
    assert stages.count("epoch 2 of 3") == 1  # the next batch is not told of any more
    assert len(read_log(tmp_path / "run")) == 1


def test_a_base_is_trained_first_and_shared(collection: Manifest, tmp_path: Path) -> None:
    base = replace(EXPERIMENT, name="base", epochs=1)
    start = replace(EXPERIMENT, name="start", epochs=1, learning_rate=0.0, base=base)
    networks = [train(start, collection, tmp_path / name, tmp_path / "cache") for name in ("one", "two")]
    (shared,) = tmp_path.glob("base-*")
    assert len(read_log(shared)) == 1
    for network in networks:  # without a learning rate they are where they started
        for own, expected in zip(weights(network), weights(shared / "network.keras"), strict=True):
            np.testing.assert_array_equal(own, expected)
    assert json.loads((tmp_path / "one" / "config.json").read_text())["base"]["name"] == "base"
    with pytest.raises(DatasetError, match="its base has the same name"):
        replace(base, base=base)


def test_a_base_on_other_cases_is_another_one(collection: Manifest, tmp_path: Path) -> None:
    base = replace(EXPERIMENT, name="base", epochs=1)
    start = replace(EXPERIMENT, name="start", epochs=1, base=base)
    first = next(case for case in collection.cases if case.split == "train")
    fewer = replace(collection, cases=tuple(case for case in collection.cases if case is not first))
    for name, manifest in (("one", collection), ("two", fewer)):  # as the folds of a cross-validation are
        train(start, manifest, tmp_path / name, tmp_path / "cache")
    assert len(list(tmp_path.glob("base-*"))) == 2


def test_the_mean_with_a_base_is_made_once_and_goes_on_after_a_cut(collection: Manifest, tmp_path: Path) -> None:
    base = replace(EXPERIMENT, name="base", epochs=1)
    joined = replace(EXPERIMENT, name="joined", epochs=2, base=base, mean_with_base=True)

    def cut(epoch: Epoch) -> None:
        if (tmp_path / "run" / "log.jsonl").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(joined, collection, tmp_path / "run", tmp_path / "cache", Watcher(finished=cut))
    network = train(joined, collection, tmp_path / "run", tmp_path / "cache")
    assert network == tmp_path / "run" / "network.keras"
    log = read_log(tmp_path / "run")
    own = tmp_path / "run" / f"epoch-{1 + best_epoch(log):04d}.keras"
    (first,) = tmp_path.glob("base-*/network.keras")
    for mean, start, end in zip(weights(network), weights(first), weights(own), strict=True):
        np.testing.assert_allclose(mean, (start + end) / 2, atol=1e-7)
    content, stages = network.read_bytes(), list[str]()
    watcher = Watcher(lambda stage, done, total: stages.append(stage))
    assert train(joined, collection, tmp_path / "run", tmp_path / "cache", watcher).read_bytes() == content
    assert not [stage for stage in stages if "epoch" in stage]
    alone = replace(joined, mean_with_base=False)
    with pytest.raises(DatasetError, match="holds another experiment: mean_with_base differ"):
        train(alone, collection, tmp_path / "run", tmp_path / "cache")


def test_the_mean_of_networks_of_one_base_is_made_once_and_goes_on_after_a_cut(
    collection: Manifest, tmp_path: Path
) -> None:
    start = replace(EXPERIMENT, name="start", epochs=1, base=replace(EXPERIMENT, name="base", epochs=1))
    mean = replace(start, name="mean", mean_of=(start, replace(start, name="other", seed=1)))
    stages: list[str] = []

    def cut(epoch: Epoch) -> None:
        if (tmp_path / "run-start").is_dir() and not (tmp_path / "run-other").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(mean, collection, tmp_path / "run", tmp_path / "cache", Watcher(finished=cut))
    watcher = Watcher(lambda stage, done, total: stages.append(stage))
    network = train(mean, collection, tmp_path / "run", tmp_path / "cache", watcher)
    assert network == tmp_path / "run" / "network.keras"
    assert "other: epoch 1 of 1" in stages
    members = [weights(tmp_path / f"run-{name}" / "network.keras") for name in ("start", "other")]
    apart = 0.0
    for own, one, other in zip(weights(network), *members, strict=True):
        np.testing.assert_allclose(own, (one + other) / 2, atol=1e-7)
        apart = max(apart, float(np.abs(one - other).max()))
    assert apart > 1e-3
    assert [member["seed"] for member in json.loads((network.parent / "config.json").read_text())["mean_of"]] == [0, 1]
    content, told = network.read_bytes(), len(stages)
    assert train(mean, collection, tmp_path / "run", tmp_path / "cache", watcher).read_bytes() == content
    assert not [stage for stage in stages[told:] if "epoch" in stage]
    (base,) = tmp_path.glob("base-*")
    shutil.copyfile(base / "network.keras", tmp_path / "run-other" / "epoch-0001.keras")
    train(mean, collection, tmp_path / "run", tmp_path / "cache")  # of the network that is there now
    for own, one, other in zip(weights(network), members[0], weights(base / "network.keras"), strict=True):
        np.testing.assert_allclose(own, (one + other) / 2, atol=1e-7)
    others = replace(mean, mean_of=(start, replace(start, name="third", seed=2)))
    with pytest.raises(DatasetError, match="holds another experiment: mean_of differ"):
        train(others, collection, tmp_path / "run", tmp_path / "cache")


@pytest.mark.parametrize("side", [32, 40])
def test_a_difference_of_sources_is_taken_from_the_head_of_the_trained_base(
    side: int, collection: Manifest, tmp_path: Path
) -> None:
    base = replace(EXPERIMENT, name="base", epochs=1)
    erasure = SourceErasure("pneumonia", ("clinic", "practice"))
    erased = replace(base, name="erased", base=base, preprocessing=Preprocessing(side, side), erased=(erasure,))
    network = train(erased, collection, tmp_path / "run", tmp_path / "cache")
    (first,) = tmp_path.glob("base-*/network.keras")
    after = keras.saving.load_model(network, compile=False)
    before = resized(keras.saving.load_model(first, compile=False), erased, 2)
    assert after.input_shape == (None, side, side, 1)
    *backbone, kernel, bias = zip(before.get_weights(), after.get_weights(), strict=True)
    assert all(np.array_equal(one, other) for one, other in backbone)
    for one, other in (kernel, bias):  # tuberculosis stays as it was
        assert not np.array_equal(one[..., 0], other[..., 0])
        np.testing.assert_array_equal(one[..., 1], other[..., 1])
    normal = [case for case in collection.cases if case.split == "train" and set(case.labels.values()) <= {0, None}]
    means = {}
    for name, model in (("before", before), ("after", after)):
        grey = np.stack([read_grey_levels(collection.path(case), erased.preprocessing) for case in normal])
        logits = predict_logits(model, grey, erased.preprocessing)[:, 0]
        own = np.asarray([case.source == "clinic" for case in normal])
        means[name] = logits[own].mean(), logits[~own].mean()
    apart = {name: abs(first - second) for name, (first, second) in means.items()}
    assert apart["after"] < 0.05 * apart["before"]
    assert np.mean(means["after"]) == pytest.approx(np.mean(means["before"]), abs=1e-5)
    content, stages = network.read_bytes(), list[str]()
    watcher = Watcher(lambda stage, done, total: stages.append(stage))
    assert train(erased, collection, tmp_path / "run", tmp_path / "cache", watcher).read_bytes() == content
    assert not [stage for stage in stages if "epoch" in stage or "normal" in stage]
    half = replace(erased, erased=(replace(erased.erased[0], share=0.5),))
    with pytest.raises(DatasetError, match="holds another experiment: erased differ"):
        train(half, collection, tmp_path / "run", tmp_path / "cache")


def test_a_source_without_normal_cases_is_told_before_the_base_is_trained(collection: Manifest, tmp_path: Path) -> None:
    ill = tuple(
        replace(case, labels={"pneumonia": 1, "tuberculosis": None}) if case.source == "practice" else case
        for case in collection.cases
    )
    base = replace(EXPERIMENT, name="base", epochs=1)
    erased = replace(base, name="erased", base=base, erased=(SourceErasure("pneumonia", ("clinic", "practice")),))
    with pytest.raises(DatasetError, match="no normal case of practice among 24 training cases"):
        train(erased, replace(collection, cases=ill), tmp_path / "run", tmp_path / "cache")
    assert not list(tmp_path.glob("base-*"))


def test_maps_learn_where_lesions_are_and_the_run_goes_on_after_a_cut(collection: Manifest, tmp_path: Path) -> None:
    rows = np.arange(40)[:, np.newaxis]
    cv2.imwrite(str(tmp_path / "mask.png"), ((rows < 10) * np.ones((40, 40)) * 255).astype(np.uint8))
    for case in collection.cases:
        shutil.copy2(collection.path(case), tmp_path / case.path)
    ill = [
        replace(case, mask="mask.png", labels={**case.labels, "pneumonia": 1, "tuberculosis": 0})
        for case in collection.cases
    ]
    well = [replace(case, labels={**case.labels, "pneumonia": 0, "tuberculosis": 1}) for case in collection.cases]
    cases = tuple(one if row % 2 else other for row, (one, other) in enumerate(zip(ill, well, strict=True)))
    manifest = Manifest(tmp_path / "manifest.csv", collection.task, cases)
    experiment = replace(EXPERIMENT, name="maps", map_weight=1.0, epochs=3)
    network = train(replace(experiment, epochs=3), manifest, tmp_path / "run", tmp_path / "cache")
    model = keras.saving.load_model(network)
    grey = read_grey_levels(manifest.path(cases[1]), experiment.preprocessing)[np.newaxis]
    _, maps = model.predict_on_batch(network_input(grey, experiment.preprocessing))
    assert np.asarray(maps)[0, :2, :, 0].mean() > np.asarray(maps)[0, 2:, :, 0].mean()
    assert predict_logits(model, grey, experiment.preprocessing).shape == (1, 2)
    assert train(experiment, manifest, tmp_path / "run", tmp_path / "cache") == network
