"""What a search of hyperparameters may try: a frozen value that stands beside EXPERIMENT in an experiment file.

    SEARCH = Search(
        space={"learning_rate": LogUniform(1e-5, 1e-3), "augmentation.gamma": Uniform(0.0, 0.9)},
        trials=30,
        fixed={"epochs": 3, "images_per_epoch": 2000},
    )

Names are those of `Experiment`, with a dot for what lies in its augmentation or preprocessing.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from types import MappingProxyType
from typing import Any

from radiolens.errors import DatasetError
from radiolens.training.config import Experiment
from radiolens.training.value_rules import FROM_ONE, FROM_ZERO, Rule, check_values, is_number, is_whole

__all__ = [
    "Choice",
    "Hyperband",
    "Integers",
    "LogUniform",
    "Median",
    "Range",
    "Search",
    "Uniform",
    "check_search",
    "contains",
    "present_value",
    "search_as_json",
    "tuned",
]

_INCOMPARABLE = {
    "name": "it names the run",
    "task": "another task asks another question",
    "sources": "it changes the cases of which the validation loss is the mean",
    "labels": "it changes what the validation loss is about",
    "masked": "it changes the cases of which the validation loss is the mean",
    "group_by": "it changes the groups of which the validation loss is the mean",
    "label_smoothing": "the validation loss contains it",
    "mean_of": "a mean is not trained itself",
    "set_confidence": "no network is trained by it",
    "erased": "nothing is trained for it",
    "mean_with_base": "the validation loss is that of the network before the mean",
    "patience": "it decides which epoch's loss counts",
    "seed": "the best of several seeds is luck",
    "preprocessing.channels": "networks are trained on one channel, the grey",
}
"""What no search may vary, since losses of two values could not be compared, and why."""


_FROM_TWO = Rule("a whole number from 2 on", lambda found: is_whole(found) and found >= 2)


@dataclass(frozen=True)
class Uniform:
    """A real number from `low` to `high`, all of them equally likely at first."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_bounds(self, self.low, self.high)


@dataclass(frozen=True)
class LogUniform:
    """A positive number from `low` to `high` whose logarithm is uniform: for what is tried by factors."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_bounds(self, self.low, self.high)
        if self.low <= 0:
            raise DatasetError(f"{self}: low must be above 0, for its logarithm is taken.")


@dataclass(frozen=True)
class Integers:
    """A whole number from `low` to `high`, both included, in steps of `step`."""

    low: int
    high: int
    step: int = 1

    def __post_init__(self) -> None:
        _check_bounds(self, self.low, self.high)
        if not all(map(is_whole, (self.low, self.high, self.step))):
            raise DatasetError(f"{self}: low, high and step must be whole numbers.")
        if self.step < 1 or (self.high - self.low) % self.step:
            raise DatasetError(f"{self}: step must be at least 1, and lead from low to high.")


@dataclass(frozen=True)
class Choice:
    """One of at least two plain values: numbers, texts, True and False, or tuples of them."""

    options: tuple[object, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.options, tuple) or len(self.options) < 2:
            raise DatasetError(f"{self}: give a tuple of at least two options, as in Choice((16, 32)).")
        if any(callable(option) for option in self.options):
            raise DatasetError(
                f"{self}: a function is no plain value, and could not be written to the best trial's file."
            )
        if len(self.by_label()) < len(self.options):
            raise DatasetError(f"{self}: an option stands in it twice.")

    def by_label(self) -> dict[str, object]:
        """Return the options by the text under which a study stores them: how they are written in Python."""
        return {repr(option): option for option in self.options}


Range = Uniform | LogUniform | Integers | Choice


@dataclass(frozen=True)
class Median:
    """Stops a trial whose best loss so far is above the median of the others at the same epoch.

    The first `startup_trials` of a study and the first `warmup_epochs` of a trial are never stopped.
    """

    startup_trials: int = 5
    warmup_epochs: int = 1

    def __post_init__(self) -> None:
        check_values("Median", self, {"startup_trials": FROM_ZERO, "warmup_epochs": FROM_ZERO})


@dataclass(frozen=True)
class Hyperband:
    """Stops all but the best `1 / reduction_factor` at growing numbers of epochs (Li et al. 2018, JMLR 18:185).

    A trial runs at least `least_epochs`. It takes some twenty trials before it saves anything.
    """

    least_epochs: int = 1
    reduction_factor: int = 3

    def __post_init__(self) -> None:
        check_values("Hyperband", self, {"least_epochs": FROM_ONE, "reduction_factor": _FROM_TWO})


@dataclass(frozen=True)
class Search:
    """What is varied, how often, and when a trial is stopped early.

    `space` gives each name its range. `fixed` are values that every trial has instead of the experiment's, for
    instance fewer epochs. `pruner` is None for no early stop. The first `startup_trials` are drawn at random, the
    later ones by TPE (Bergstra et al. 2011); `seed` steers both.
    """

    space: Mapping[str, Range]
    trials: int = 30
    fixed: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    pruner: Median | Hyperband | None = Median()
    startup_trials: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        check_values("SEARCH", self, _SEARCH)
        if not self.space:
            raise DatasetError("SEARCH: its space is empty. Name at least one value of the experiment and its range.")


_SEARCH: Mapping[str, Rule] = {
    "space": Rule(
        "names with their ranges, as in {'dropout': Uniform(0, 0.6)}", lambda found: isinstance(found, Mapping)
    ),
    "trials": FROM_ONE,
    "fixed": Rule("names with their values, as in {'epochs': 3}", lambda found: isinstance(found, Mapping)),
    "pruner": Rule("a Median, a Hyperband or None", lambda found: isinstance(found, Median | Hyperband | None)),
    "startup_trials": FROM_ONE,
    "seed": FROM_ZERO,
}


def tuned(experiment: Experiment, values: Mapping[str, object]) -> Experiment:
    """Return an experiment with other values, named as in a search: `learning_rate`, `augmentation.gamma`.

    Raises DatasetError for a name that is not known, which it compares with those that are, or for values that do not
    fit one another.
    """
    parts: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, value in values.items():
        _check_name(experiment, name)
        part, _, own = name.rpartition(".")
        parts[part][own] = value
    own_values = parts.pop("", {})
    changed = {part: replace(getattr(experiment, part), **inner) for part, inner in parts.items()}
    return replace(experiment, **own_values, **changed)


def present_value(experiment: Experiment, name: str) -> object:
    """Return what an experiment has under a name of a search; raise DatasetError if there is no such name."""
    _check_name(experiment, name)
    value: object = experiment
    for part in name.split("."):
        value = getattr(value, part)
    return value


def contains(allowed: Range, value: object) -> bool:
    """Say whether a value lies in a range."""
    if isinstance(allowed, Choice):
        return repr(value) in allowed.by_label()
    if not isinstance(value, int | float) or not allowed.low <= value <= allowed.high:
        return False
    return not isinstance(allowed, Integers) or (value - allowed.low) % allowed.step == 0


def check_search(experiment: Experiment, search: Search) -> None:
    """Raise DatasetError if a search does not fit its experiment.

    Its names must be known, its ranges of the right kind, and what it varies must leave losses comparable.
    """
    start = tuned(experiment, search.fixed)
    if start.mean_of:
        raise DatasetError(
            f"experiment {experiment.name!r} is a mean of networks, of which a search would change nothing. Search one "
            f"of them: {', '.join(member.name for member in start.mean_of)}."
        )
    if start.erased:
        raise DatasetError(
            f"experiment {experiment.name!r} changes the head of its base, and trains nothing itself. Search its base."
        )
    for name in ("name", "task"):
        if name in search.fixed:
            raise DatasetError(f"SEARCH: fixed holds {name!r}. Write it into EXPERIMENT.")
    for name, allowed in search.space.items():
        present = present_value(start, name)
        if name in _INCOMPARABLE:
            raise DatasetError(f"SEARCH: {name} cannot be searched, since {_INCOMPARABLE[name]}. Take it out of space.")
        if name in search.fixed:
            raise DatasetError(f"SEARCH: {name} stands in space and in fixed. Take it out of one of them.")
        _check_kind(name, allowed, present)
        for value in _ends(allowed):
            _check_trial(start, {name: value})
    if {"batch_size", "images_per_epoch"} <= search.space.keys():  # the only two that could refuse each other
        batches, images = (_ends(search.space[name]) for name in ("batch_size", "images_per_epoch"))
        _check_trial(start, {"batch_size": max(batches), "images_per_epoch": min(images)})


def search_as_json(search: Search) -> dict[str, object]:
    """Return what tells one search from another, as JSON types: all but the number of trials, which may grow."""
    space = {name: {type(allowed).__name__: _plain(allowed)} for name, allowed in search.space.items()}
    pruner = {type(search.pruner).__name__: asdict(search.pruner)} if search.pruner else None
    fixed = {name: repr(value) for name, value in search.fixed.items()}
    return {
        "space": space,
        "fixed": fixed,
        "pruner": pruner,
        "startup_trials": search.startup_trials,
        "seed": search.seed,
    }


def _plain(allowed: Range) -> object:
    return list(allowed.by_label()) if isinstance(allowed, Choice) else asdict(allowed)


def _ends(allowed: Range) -> tuple[Any, ...]:
    """Return the values of a range between which, or of which, all others are."""
    return allowed.options if isinstance(allowed, Choice) else (allowed.low, allowed.high)


def _check_trial(start: Experiment, values: Mapping[str, object]) -> None:
    """Raise DatasetError if an experiment refuses what a trial may draw, which is so told before the first one."""
    try:
        tuned(start, values)
    except DatasetError as error:
        drawn = ", ".join(f"{name} = {value!r}" for name, value in values.items())
        raise DatasetError(f"SEARCH: a trial may draw {drawn}, which is refused: {error} Narrow the range.") from error


def _check_bounds(found: Range, low: float, high: float) -> None:
    if not (is_number(low) and is_number(high) and low < high):
        raise DatasetError(f"{found}: low must be below high, and both be numbers.")


def _names(experiment: Experiment) -> dict[str, Any]:
    """Return what an experiment has under each name that a search could give."""
    names: dict[str, Any] = {}
    for entry in fields(experiment):
        value = getattr(experiment, entry.name)
        if is_dataclass(value):
            names.update({f"{entry.name}.{inner.name}": getattr(value, inner.name) for inner in fields(value)})
        else:
            names[entry.name] = value
    return names


def _check_name(experiment: Experiment, name: str) -> None:
    known = sorted(_names(experiment))
    if name in known:
        return
    last = name.rsplit(".", 1)[-1]
    similar = [entry for entry in known if entry.rsplit(".", 1)[-1] == last] or difflib.get_close_matches(name, known)
    hint = f"Did you mean {' or '.join(similar)}?" if similar else f"Known: {', '.join(known)}."
    raise DatasetError(f"SEARCH: an experiment has no value {name!r}. {hint}")


def _check_kind(name: str, allowed: Range, present: object) -> None:
    fitting: tuple[type[Range], ...] = (Choice,)
    if isinstance(present, int) and not isinstance(present, bool):
        fitting = (Integers, Choice)
    elif isinstance(present, float):
        fitting = (Uniform, LogUniform, Choice)
    if not isinstance(allowed, fitting):
        kinds = " or ".join(kind.__name__ for kind in fitting)
        raise DatasetError(
            f"SEARCH: {name} is {present!r} in the experiment, so its range is {kinds}, found {allowed}."
        )
