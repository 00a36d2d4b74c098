"""What a gate refuses: by folder of pictures of no task, by source of genuine ones, by generated defect.

Each picture goes the way of `auto`: the network looks, a task is chosen or not, and the rules judge. That a network for
the task is installed is not asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from radiolens.evaluation.controls import border_brightness_features
from radiolens.evaluation.intervals import Interval, share_interval
from radiolens.inference.gate import judge, look, route
from radiolens.inference.gate_network import GateNetwork
from radiolens.quality import Quality
from radiolens.safety.gate import Gate
from radiolens.safety.sight import Kind
from radiolens.validation.gate.pictures import Asked

__all__ = ["Answer", "Answers", "Control", "GateStudy", "Row", "answers_of", "control", "rows", "study_of"]


@dataclass(frozen=True)
class Answer:
    """What the gate said of one picture. `found` is the likeliest kind, `task` the chosen one, `codes` why not."""

    group: str
    name: str
    defect: str
    expected: Kind
    found: Kind
    task: str
    codes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Say whether a network would be asked."""
        return not self.codes


@dataclass(frozen=True)
class Answers:
    """What was said of the four parts of a study."""

    genuine: Sequence[Answer]
    others: Sequence[Answer]
    defects: Sequence[Answer]
    drawn: Sequence[Answer]


@dataclass(frozen=True)
class Row:
    """One row of a table: of `count` pictures so many were refused, and with which codes.

    `right_code` is the share refused with the code that is right for the defect; None where there is none.
    """

    group: str
    count: int
    refused: Interval
    codes: Mapping[str, int]
    right_code: Interval | None = None


@dataclass(frozen=True)
class Control:
    """What border and brightness alone tell: a forest, at the limit that refuses this share of genuine pictures."""

    genuine_refused: float
    refused: Mapping[str, Interval]


@dataclass(frozen=True)
class GateStudy:
    """All that was measured of a gate. `confusion` counts by expected kind the likeliest ones."""

    settings: Mapping[str, object]
    others: Sequence[Row]
    genuine: Sequence[Row]
    all_genuine: Row
    external: Sequence[Row]
    defects: Sequence[Row]
    defects_by_source: Sequence[Row]
    drawn: Sequence[Row]
    confusion: Mapping[str, Mapping[str, int]]
    control: Control | None = None
    let_pass: Sequence[str] = field(default_factory=tuple)


def answers_of(
    network: GateNetwork, pictures: Iterable[Asked], progress: Callable[[int], None] = lambda done: None
) -> list[Answer]:
    """Return what the gate says of each picture on the way of `auto`."""
    answers = []
    for asked in pictures:
        sight = look(asked.image, network)
        chosen = route(asked.image, sight)
        unclear = isinstance(chosen, Quality)
        quality = chosen if isinstance(chosen, Quality) else judge(asked.image, chosen, Gate.FULL, sight)
        answers.append(
            Answer(
                asked.group,
                asked.name,
                asked.defect,
                asked.kind,
                sight.likeliest,
                "" if unclear else getattr(chosen, "name", ""),
                tuple(problem.code.value for problem in quality.problems),
            )
        )
        progress(len(answers))
    return answers


def rows(answers: Sequence[Answer], by: Callable[[Answer], str]) -> list[Row]:
    """Return a row for each value of `by`, in the order of their first answers."""
    groups: dict[str, list[Answer]] = {}
    for answer in answers:
        groups.setdefault(by(answer), []).append(answer)
    return [_row(name, members) for name, members in groups.items()]


def study_of(
    settings: Mapping[str, object],
    answers: Answers,
    external_sources: Sequence[str],
    found_control: Control | None = None,
) -> GateStudy:
    """Return the tables; `external_sources` are those of which no picture is in any training."""
    own = [answer for answer in answers.genuine if answer.group not in external_sources]
    away = [answer for answer in answers.genuine if answer.group in external_sources]
    confusion = {kind.value: Counter[str]() for kind in Kind}
    for answer in (*answers.genuine, *answers.others):
        confusion[answer.expected.value][answer.found.value] += 1
    return GateStudy(
        settings=settings,
        others=rows(answers.others, lambda answer: answer.group),
        genuine=rows(own, lambda answer: answer.group),
        all_genuine=_row("all", own),
        external=rows(away, lambda answer: answer.group),
        defects=[*rows(answers.defects, lambda answer: answer.defect), _row("all", answers.defects)],
        defects_by_source=rows(answers.defects, lambda answer: f"{answer.defect}, {answer.group}"),
        drawn=rows(answers.drawn, lambda answer: answer.group),
        confusion={kind: dict(sorted(found.items())) for kind, found in confusion.items() if found},
        control=found_control,
        let_pass=tuple(f"{answer.group}/{answer.name}" for answer in answers.others if answer.passed),
    )


def control(
    learnt: tuple[Sequence[NDArray[np.uint8]], Sequence[NDArray[np.uint8]]],
    genuine: Sequence[NDArray[np.uint8]],
    others: Mapping[str, Sequence[NDArray[np.uint8]]],
    share: float,
    seed: int = 0,
) -> Control:
    """Return how many pictures of no task border and brightness refuse, where they refuse `share` of genuine ones.

    `learnt` are training pictures, genuine ones and others, on which the forest is fitted.
    """
    features = border_brightness_features([*learnt[0], *learnt[1]])
    strange = np.repeat([0, 1], [len(learnt[0]), len(learnt[1])])
    forest = RandomForestClassifier(300, class_weight="balanced", random_state=seed).fit(features, strange)
    limit = float(np.quantile(forest.predict_proba(border_brightness_features(genuine))[:, 1], 1 - share))
    refused = {}
    for name, pictures in others.items():
        said = forest.predict_proba(border_brightness_features(pictures))[:, 1]
        refused[name] = share_interval(int((said > limit).sum()), len(pictures))
    return Control(share, refused)


def _row(name: str, answers: Sequence[Answer]) -> Row:
    codes = Counter(code for answer in answers for code in answer.codes)
    refused = sum(not answer.passed for answer in answers)
    right = sum(answer.defect in answer.codes for answer in answers)
    return Row(
        name,
        len(answers),
        share_interval(refused, len(answers)),
        dict(codes.most_common()),
        share_interval(right, len(answers)) if any(answer.defect for answer in answers) else None,
    )
