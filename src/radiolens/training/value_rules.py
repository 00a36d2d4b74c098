"""Which values an experiment, its parts and a search may have: tables of rules, so that none is told only hours later.

A name with a dot is that of a part's value. What several values must be together is checked where they stand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeGuard

from radiolens.errors import DatasetError
from radiolens.imaging.preprocess import Fit, Preprocessing

__all__ = ["AUGMENTATION", "EXPERIMENT", "FROM_ONE", "FROM_ZERO", "Rule", "check_values", "is_number", "is_whole"]


@dataclass(frozen=True)
class Rule:
    """What a value is expected to be, in words, and the test for it."""

    expected: str
    fits: Callable[[object], bool]


def check_values(owner: str, value: object, rules: Mapping[str, Rule]) -> None:
    """Raise DatasetError for the first value that breaks its rule; `owner` says in the message whose it is."""
    for name, rule in rules.items():
        found = attrgetter(name)(value)
        if not rule.fits(found):
            raise DatasetError(f"{owner}: {name} is {found!r}, expected {rule.expected}.")


def is_number(value: object) -> TypeGuard[float]:
    """Say whether a value is a finite number; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_whole(value: object) -> TypeGuard[int]:
    """Say whether a value is a whole number, not only a float that equals one."""
    return isinstance(value, int) and not isinstance(value, bool)


def _number(expected: str, fits: Callable[[float], bool]) -> Rule:
    return Rule(expected, lambda value: is_number(value) and fits(value))


def _whole(low: int, high: float = math.inf) -> Rule:
    expected = f"a whole number from {low} {'on' if math.isinf(high) else f'to {high}'}"
    return Rule(expected, lambda value: is_whole(value) and low <= value <= high)


def _pair(expected: str, fits: Callable[[float, float], bool]) -> Rule:
    def holds(value: object) -> bool:
        return isinstance(value, tuple) and len(value) == 2 and all(map(is_number, value)) and fits(*value)

    return Rule(expected, holds)


def _folder_name(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and value.strip(" .") != "" and "/" not in value


def _names(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(name, str) and name for name in value)


FROM_ZERO, FROM_ONE = _whole(0), _whole(1)
_BOOL = Rule("True or False", lambda value: isinstance(value, bool))
_TEXT = Rule("a text", lambda value: isinstance(value, str))
_TUPLE = Rule("a tuple; one entry alone is written (entry,)", lambda value: isinstance(value, tuple))
_NAMES = Rule("a tuple of names; one alone is written ('name',)", _names)
_NOT_NEGATIVE = _number("0 or more", lambda value: value >= 0)
_BELOW_ONE = _number("0 to below 1", lambda value: 0 <= value < 1)
_SHARE = _number("0 to 1", lambda value: 0 <= value <= 1)
_MEDIAN = _pair(
    "a lower and an upper end between 0 (black) and 1 (white), such as (0.25, 0.8)",
    lambda low, high: 0 < low <= high < 1,
)

AUGMENTATION: Mapping[str, Rule] = {
    "smallest_crop": _number("above 0, up to 1 (all of a side)", lambda value: 0 < value <= 1),
    "rotation_degrees": _number("0 to 180", lambda value: 0 <= value <= 180),
    "quarter_turns": _BOOL,
    "flip_probability": _SHARE,
    "gamma": _NOT_NEGATIVE,
    "median": Rule(_MEDIAN.expected, lambda value: value is None or _MEDIAN.fits(value)),
    "contrast": _pair(
        "a lower and an upper end, neither below 0, such as (0.6, 1.3)", lambda low, high: 0 <= low <= high
    ),
    "brightness": _SHARE,
    "border": _number("0 to 0.5 (all of a picture)", lambda value: 0 <= value <= 0.5),
    "border_probability": _SHARE,
    "noise": _SHARE,
    "box_probability": _SHARE,
    "blur_probability": _SHARE,
    "blur": _SHARE,
    "jpeg_probability": _SHARE,
    "style_probability": _SHARE,
}
"""The values of an `Augmentation`."""

EXPERIMENT: Mapping[str, Rule] = {
    "name": Rule("a text without /, for a folder has that name", _folder_name),
    "task": Rule("the name of a task", lambda value: isinstance(value, str) and value != ""),
    "sources": _NAMES,
    "labels": _NAMES,
    "backbone": Rule(
        "the name of a network, or a function that returns one",
        lambda value: callable(value) or (isinstance(value, str) and value != ""),
    ),
    "preprocessing": Rule("a Preprocessing", lambda value: isinstance(value, Preprocessing)),
    "preprocessing.rows": FROM_ONE,
    "preprocessing.columns": FROM_ONE,
    "preprocessing.fit": Rule("a Fit", lambda value: isinstance(value, Fit)),
    "preprocessing.percentiles": _pair(
        "a lower and a higher percentile from 0 to 100", lambda low, high: 0 <= low < high <= 100
    ),
    "preprocessing.window_hu": _pair("a centre, and a width above 0", lambda _, width: width > 0),
    "preprocessing.offset": _number("a number", lambda _: True),
    "preprocessing.scale": _number("above 0", lambda value: value > 0),
    "masked": _TUPLE,
    "assumed_absent": _TUPLE,
    "mean_with_base": _BOOL,
    "mean_of": _TUPLE,
    "erased": _TUPLE,
    "group_by": Rule("a function from a Case to the name of its group", callable),
    "epochs": FROM_ONE,
    "images_per_epoch": FROM_ONE,
    "batch_size": FROM_ONE,
    "learning_rate": _NOT_NEGATIVE,
    "warmup_share": _BELOW_ONE,
    "weight_decay": _NOT_NEGATIVE,
    "label_smoothing": _BELOW_ONE,
    "dropout": _BELOW_ONE,
    "map_weight": _NOT_NEGATIVE,
    "freeze_batch_norms": _BOOL,
    "unfreeze_from": _TEXT,
    "patience": FROM_ZERO,
    "seed": _whole(0, 2**32 - 1),  # what numpy and Keras take
    "set_confidence": _BELOW_ONE,
}
"""The values of an `Experiment` that are no value of `radiolens.training.config`."""
