"""A search: its trials, what it leaves, that it never sees the test split, and how it goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest

from radiolens.data.manifest import Case, Manifest
from radiolens.errors import DatasetError, PatientLeakage
from radiolens.training.checkpoints import read_log
from radiolens.training.config import as_json
from radiolens.training.configs import load_experiment
from radiolens.training.train import train
from radiolens.training.tuning.search import Choice, Hyperband, LogUniform, Median, Search, Uniform
from radiolens.training.tuning.study_storage import StudyStorage, open_storage, sqlite_url
from radiolens.training.tuning.trials import Ending, Place
from radiolens.training.tuning.tune import SearchRun, Tuned, TuneWatcher, experiment_of, tune
from tests.training import tiny_experiment

TINY = replace(tiny_experiment.EXPERIMENT, epochs=2)
SEARCH = Search(
    space={
        "learning_rate": LogUniform(1e-4, 1e-1),
        "augmentation.gamma": Uniform(0.0, 0.9),
        "augmentation.contrast": Choice(((0.6, 1.3), (0.9, 1.1))),
    },
    trials=4,
    pruner=Median(startup_trials=2, warmup_epochs=0),
    startup_trials=2,
)


@dataclass(frozen=True)
class Searched:
    """A search that is over: what it was, what it found, and all that it told."""

    run: SearchRun
    found: Tuned
    told: tuple[tuple[str, int, int], ...]
    finished: tuple[tuple[Place, Place | None, int], ...]


@pytest.fixture(scope="module")
def with_test_split(collection: Manifest) -> Manifest:
    """Return the collection with a test split whose pictures are not there: who reads them fails."""
    hidden = Case("hidden.png", source="clinic", patient_id="hidden", split="test", labels={"pneumonia": 1})
    return replace(collection, cases=(*collection.cases, hidden))


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudyStorage]:
    with open_storage(sqlite_url(tmp_path_factory.mktemp("storage") / "study.sqlite")) as opened:
        yield opened


@pytest.fixture(scope="module")
def searched(with_test_split: Manifest, storage: StudyStorage, tmp_path_factory: pytest.TempPathFactory) -> Searched:
    folder = tmp_path_factory.mktemp("search")
    runs, cache, config = folder / "tiny-tune", folder / "cache", tiny_experiment.__file__
    run = SearchRun(TINY, SEARCH, with_test_split, runs, cache, storage, config, command="radiolens tune x")
    told: list[tuple[str, int, int]] = []
    finished: list[tuple[Place, Place | None, int]] = []
    found = tune(run, TuneWatcher(lambda *facts: told.append(facts), lambda *facts: finished.append(facts)))
    return Searched(run, found, tuple(told), tuple(finished))


def losses(run: SearchRun, place: int) -> Mapping[int, float]:
    return {epoch.number: epoch.validation_loss for epoch in read_log(run.folder / f"trial-{place:04d}")}


def test_a_search_runs_its_trials_and_each_tells_the_loss_of_its_network(searched: Searched) -> None:
    assert [place.number for place in searched.found.places] == [1, 2, 3, 4]
    for place in searched.found.places:
        assert place.losses == losses(searched.run, place.number)
        assert place.loss == place.losses[max(place.losses)]  # patience is 0, so the last epoch's network is kept
        assert (len(place.losses) == 2) is (place.ending is Ending.FINISHED)
    assert searched.found.places[0].ending is Ending.FINISHED
    assert searched.found.best == min(
        (place for place in searched.found.places if place.ending is Ending.FINISHED), key=lambda place: place.loss or 0
    )


def test_the_first_trial_is_the_experiment_as_it_stands(searched: Searched) -> None:
    first = searched.found.places[0]
    assert experiment_of(TINY, SEARCH, first.values) == replace(TINY, name="tiny_tuned")
    assert first.values["augmentation.contrast"] == "(0.6, 1.3)"


def test_a_search_tells_of_every_batch_and_trial(searched: Searched) -> None:
    assert ("trial 1 of 4, epoch 2 of 2", 4, 4) in searched.told
    assert [place.number for place, _, _ in searched.finished] == [1, 2, 3, 4]
    assert {total for _, _, total in searched.finished} == {4}
    assert searched.finished[-1][1] == searched.found.best


def test_only_the_best_trial_keeps_its_networks(searched: Searched) -> None:
    assert searched.found.best is not None
    kept = {file.parent.name for file in searched.run.folder.glob("trial-*/*.keras")}
    assert kept == {f"trial-{searched.found.best.number:04d}"}
    logs = {file.parent.name for file in searched.run.folder.glob("trial-*/log.jsonl")}
    assert logs == {f"trial-{place:04d}" for place in (1, 2, 3, 4)}
    assert list(searched.run.folder.glob("worker-*")) == []


def test_the_best_trial_is_an_experiment_file_that_train_runs_to_the_same_loss(
    searched: Searched, collection: Manifest, tmp_path: Path
) -> None:
    assert searched.found.best is not None
    assert searched.found.best_file is not None
    best = load_experiment(str(searched.found.best_file))
    # Loading the file of the backbone again makes another function of it, so functions are compared by name.
    trial = experiment_of(TINY, SEARCH, searched.found.best.values)
    assert replace(as_experiment(best), epochs=2) == as_experiment(trial)
    head = searched.found.best_file.read_text().split('"""')[1]
    for fact in ("Command: radiolens tune x", f"trial {searched.found.best.number}", f"{searched.found.best.loss:.4f}"):
        assert fact in head
    train(replace(best, epochs=2), collection, tmp_path / "again", searched.run.cache)
    for again, found in zip(read_log(tmp_path / "again"), read_log(run_folder(searched)), strict=True):
        assert asdict(again) == pytest.approx(asdict(found), abs=1e-5)


def as_experiment(experiment: object) -> object:
    """Return an experiment whose functions are those of this process."""
    return replace(experiment, backbone=tiny_experiment.tiny_backbone)  # type: ignore[type-var]  # a dataclass


def run_folder(searched: Searched) -> Path:
    assert searched.found.best is not None
    return searched.run.folder / f"trial-{searched.found.best.number:04d}"


def test_the_best_trials_folder_is_a_run_of_that_file(searched: Searched) -> None:
    assert searched.found.best is not None
    trial = experiment_of(TINY, SEARCH, searched.found.best.values)
    config = json.loads((run_folder(searched) / "config.json").read_text())
    assert json.loads(json.dumps(as_json(trial))).items() <= config.items()
    assert (run_folder(searched) / "network.keras").exists()


def test_a_search_that_is_over_runs_nothing(searched: Searched) -> None:
    told: list[object] = []
    again = tune(searched.run, TuneWatcher(lambda *facts: told.append(facts), lambda *facts: told.append(facts)))
    assert again == searched.found
    assert told == []


def test_no_change_of_the_test_split_is_noticed(searched: Searched, collection: Manifest) -> None:
    other = Case("other.png", source="practice", patient_id="z", split="test", labels={"tuberculosis": 0})
    without = replace(searched.run, manifest=collection)
    changed = replace(searched.run, manifest=replace(collection, cases=(*collection.cases, other)))
    assert tune(without) == tune(changed) == searched.found


def test_other_cases_experiments_or_spaces_do_not_go_on_in_a_study(searched: Searched, collection: Manifest) -> None:
    first = replace(collection.cases[0], labels={"pneumonia": 0, "tuberculosis": 1})
    relabelled = replace(collection, cases=(first, *collection.cases[1:]))
    for changed, names in (
        (replace(searched.run, manifest=relabelled), "cases"),
        (replace(searched.run, experiment=replace(TINY, batch_size=4)), "experiment.batch_size"),
        (replace(searched.run, search=replace(SEARCH, pruner=Hyperband(), seed=3)), "search.pruner, search.seed"),
    ):
        with pytest.raises(DatasetError, match=f"holds another search of 'tiny': {names} differ. Give the experiment"):
            tune(changed)


def test_a_leaking_manifest_is_refused_even_if_it_leaks_into_the_test_split(searched: Searched) -> None:
    cases = searched.run.manifest.cases
    leaking = replace(cases[-1], patient_id=cases[0].patient_id)
    with pytest.raises(PatientLeakage, match="more than one split"):
        tune(replace(searched.run, manifest=replace(searched.run.manifest, cases=(*cases[:-1], leaking))))


def test_values_without_a_loss_end_their_trial_and_not_the_search(
    searched: Searched, storage: StudyStorage, tmp_path: Path
) -> None:
    hasty = replace(TINY, name="hasty", learning_rate=1e30, warmup_share=0.0, epochs=1)
    search = Search({"learning_rate": Choice((1e30, 1e-2))}, trials=2, seed=1, pruner=None)
    found = tune(replace(searched.run, experiment=hasty, search=search, folder=tmp_path / "hasty-tune"))
    first = found.places[0]
    assert (first.ending, first.loss) == (Ending.STOPPED_EARLY, None)
    assert "epoch 1: the loss is nan" in first.note
    assert len(found.places) == 2
    assert (found.best_file is None) == (found.best is None)
    assert "the loss is nan" in found.page.read_text()
