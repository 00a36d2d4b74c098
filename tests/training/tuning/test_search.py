"""What a search may vary: checked against its experiment before the first trial, and written back as an experiment."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from radiolens.errors import DatasetError
from radiolens.imaging.preprocess import Fit
from radiolens.training.config import Experiment, SourceErasure
from radiolens.training.configs import load_experiment, load_search
from radiolens.training.tuning.experiment_file import write_experiment
from radiolens.training.tuning.search import (
    Choice,
    Hyperband,
    Integers,
    LogUniform,
    Median,
    Range,
    Search,
    Uniform,
    check_search,
    contains,
    present_value,
    search_as_json,
    tuned,
)

BASE = Experiment("x", "chest-xray")


def check(**options: object) -> None:
    check_search(BASE, Search(**{"space": {"dropout": Uniform(0, 0.6)}, **options}))  # type: ignore[arg-type]  # by name


def test_values_are_changed_where_their_names_say() -> None:
    found = tuned(
        BASE, {"learning_rate": 0.1, "augmentation.gamma": 0.2, "preprocessing.fit": Fit.PAD, "augmentation.noise": 0.0}
    )
    augmentation = replace(BASE.augmentation, gamma=0.2, noise=0.0)
    assert found == replace(
        BASE, learning_rate=0.1, augmentation=augmentation, preprocessing=replace(BASE.preprocessing, fit=Fit.PAD)
    )
    assert present_value(found, "augmentation.gamma") == 0.2
    assert tuned(BASE, {}) == BASE


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("learning_rat", r"Did you mean learning_rate\?"),
        ("gamma", r"Did you mean augmentation.gamma\?"),
        ("augmentation.gama", r"Did you mean augmentation.gamma"),
        ("augmentation", "an experiment has no value 'augmentation'"),
        ("zzz", "Known: assumed_absent, .*, weight_decay"),
    ],
)
def test_an_unknown_name_is_compared_with_those_that_are_known(name: str, hint: str) -> None:
    with pytest.raises(DatasetError, match=hint):
        check(space={name: Uniform(0, 1)})


@pytest.mark.parametrize(
    ("name", "allowed", "message"),
    [
        ("label_smoothing", Uniform(0, 0.1), "cannot be searched, since the validation loss contains it"),
        ("seed", Integers(0, 9), "the best of several seeds is luck"),
        ("patience", Integers(0, 9), "which epoch's loss counts"),
        ("group_by", Choice((1, 2)), "the groups of which the validation loss is the mean"),
        ("sources", Choice((("a",), ("b",))), "the cases of which the validation loss is the mean"),
        ("batch_size", Uniform(8, 32), "batch_size is 32 in the experiment, so its range is Integers or Choice"),
        ("dropout", Integers(0, 1), "so its range is Uniform or LogUniform or Choice, found Integers"),
        ("freeze_batch_norms", Uniform(0, 1), "so its range is Choice, found Uniform"),
        ("augmentation.contrast", Uniform(0, 1), "so its range is Choice, found Uniform"),
        ("warmup_share", Uniform(0, 1), "warmup_share is 1, expected 0 to below 1"),
        ("batch_size", Integers(32, 16_000), "9000 images in batches of 16000"),
        ("dropout", Uniform(0, 2), "a trial may draw dropout = 2, which is refused: .*expected 0 to below 1. Narrow"),
        ("augmentation.noise", Choice((0.1, -0.1)), "a trial may draw augmentation.noise = -0.1, which is refused"),
    ],
)
def test_a_range_that_does_not_fit_its_value_is_refused(name: str, allowed: Range, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        check(space={name: allowed})


def test_a_mean_of_networks_is_not_searched() -> None:
    start = replace(BASE, name="start", base=replace(BASE, name="base"))
    mean = replace(start, name="mean", mean_of=(start, replace(start, name="other", seed=1)))
    with pytest.raises(DatasetError, match="Search one of them: start, other"):
        check_search(mean, Search({"dropout": Uniform(0, 0.6)}))
    with pytest.raises(DatasetError, match="Search one of them: start, other"):
        check_search(
            replace(start, name="plain"), Search({"dropout": Uniform(0, 0.6)}, fixed={"mean_of": mean.mean_of})
        )


def test_a_network_whose_head_alone_is_changed_is_not_searched() -> None:
    erasure = SourceErasure("pneumonia", ("clinic", "practice"))
    erased = replace(BASE, name="erased", base=replace(BASE, name="base"), erased=(erasure,))
    with pytest.raises(DatasetError, match=r"'erased' changes the head of its base, .* Search its base"):
        check_search(erased, Search({"dropout": Uniform(0, 0.6)}))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Uniform(1, 1), "low must be below high"),
        (lambda: Uniform(0, float("inf")), "low must be below high, and both be numbers"),
        (lambda: Uniform("a", "b"), "low must be below high, and both be numbers"),  # type: ignore[arg-type]  # mistake
        (lambda: Integers(0.5, 2.5), "low, high and step must be whole"),  # type: ignore[arg-type]  # the mistake
        (lambda: LogUniform(0, 1), "low must be above 0"),
        (lambda: Integers(1, 10, 4), "lead from low to high"),
        (lambda: Choice((1,)), "at least two options"),
        (lambda: Choice([1, 2]), "give a tuple"),  # type: ignore[arg-type]  # the mistake
        (lambda: Choice((1, 1)), "stands in it twice"),
        (lambda: Choice((len, 1)), "a function is no plain value"),
        (lambda: Search({}), "its space is empty"),
        (lambda: Search({"dropout": Uniform(0, 1)}, trials=0), "trials is 0, expected a whole number from 1"),
        (lambda: Search({"dropout": Uniform(0, 1)}, seed=-1), "SEARCH: seed is -1, expected a whole number from 0"),
        (lambda: Search(["dropout"]), "space is .*, expected names with their ranges"),  # type: ignore[arg-type]  # mistake
        (lambda: Search({"dropout": Uniform(0, 1)}, pruner="median"), "pruner is 'median'"),  # type: ignore[arg-type]  # mistake
        (lambda: Median(startup_trials=-1), "Median: startup_trials is -1, expected a whole number from 0"),
        (lambda: Hyperband(reduction_factor=1), "Hyperband: reduction_factor is 1, expected a whole number from 2"),
        (
            lambda: check(space={"batch_size": Integers(8, 64), "images_per_epoch": Integers(32, 9000)}),
            "a trial may draw batch_size = 64, images_per_epoch = 32, which is refused",
        ),
        (lambda: check(fixed={"dropout": 0.1}), "stands in space and in fixed"),
        (lambda: check(fixed={"name": "y"}), "fixed holds 'name'. Write it into EXPERIMENT"),
        (lambda: check(fixed={"epoch": 3}), r"Did you mean epochs\?"),
    ],
)
def test_a_search_that_could_not_run_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        make()


@pytest.mark.parametrize(
    ("allowed", "inside", "outside"),
    [
        (Uniform(0, 1), [0.0, 0.5, 1], [-0.1, 1.1, "0.5"]),
        (Integers(2, 8, 3), [2, 5, 8], [3, 11]),
        (Choice(("a", (1, 2))), ["a", (1, 2)], ["b", [1, 2]]),
    ],
)
def test_a_range_knows_what_lies_in_it(allowed: Range, inside: list[object], outside: list[object]) -> None:
    assert [contains(allowed, value) for value in [*inside, *outside]] == [True] * len(inside) + [False] * len(outside)


def test_the_shipped_search_fits_its_experiment() -> None:
    experiment, search = load_search("brain_mri")
    assert experiment == load_experiment("brain_mri")
    assert {"learning_rate", "unfreeze_from"} <= search.space.keys()


def test_a_file_without_a_search_says_so(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"chest_xray_lite2: it defines no SEARCH.*docs/tuning.md"):
        load_search("chest_xray_lite2")


def test_searches_are_told_apart_by_all_but_the_number_of_trials() -> None:
    search = Search({"dropout": Uniform(0, 0.6), "batch_size": Choice((16, 32))})
    as_text = json.dumps(search_as_json(search))
    assert json.dumps(search_as_json(replace(search, trials=99))) == as_text
    for other in (
        replace(search, space={"dropout": Uniform(0, 0.5), "batch_size": Choice((16, 32))}),
        replace(search, pruner=Hyperband()),
        replace(search, pruner=Median(3)),
        replace(search, pruner=None),
        replace(search, seed=1),
        replace(search, fixed={"epochs": 2}),
    ):
        assert json.dumps(search_as_json(other)) != as_text


def test_a_written_experiment_is_the_one_that_was_found(tmp_path: Path) -> None:
    changes = {
        "name": 'a "quoted" \\ name',
        "learning_rate": 0.1 + 0.2,
        "augmentation.contrast": (0.5, 1.5),
        "preprocessing.fit": Fit.PAD,
        "freeze_batch_norms": False,
        "batch_size": 16,
        "unfreeze_from": "",
    }
    file = tmp_path / "best.py"
    head = 'A head with """ and C:\\new in it.\n\nCommand: x\n'
    write_experiment(file, head, "brain_mri", changes)
    assert load_experiment(str(file)) == tuned(load_experiment("brain_mri"), changes)
    docstring = ast.get_docstring(ast.parse(file.read_text()), clean=False)
    assert docstring == head.replace('"""', "'''")
