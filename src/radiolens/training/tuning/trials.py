"""The places of a study: so many sets of values to try, each handed out to one process, and again if that one dies.

A study of N trials has N places. A place begins as a trial of optuna without values; whoever takes it draws them. If
its process dies, or is stopped, the next one to look adds another trial for the same place, with the same values, which
comes before new places and goes on in the same run folder. So exactly N places end, however many processes work and
die, and none is run by two. All of this happens while `StudyStorage.exclusive` is held.
"""

from __future__ import annotations

import fcntl
import os
import platform
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.samplers import BaseSampler
from optuna.storages import fail_stale_trials
from optuna.trial import FrozenTrial, TrialState

from radiolens.training.tuning.study_storage import StudyStorage, experimental

__all__ = [
    "Ending",
    "Opening",
    "Place",
    "Plan",
    "Worker",
    "best_place",
    "mark_stopped",
    "note",
    "places",
    "run_next",
    "shown",
    "worker",
]

_ATTEMPTS = 3
"""In a row without a finished epoch, after which a place is given up: its values may end any process, as by memory."""

_PLACE, _ATTEMPT, _EPOCHS, _WORKER, _STOPPED, _NOTE = "place", "attempt", "epochs_before", "worker", "stopped", "note"
"""What is noted of a trial in its user attributes."""

Opening = Mapping[str, tuple[object, BaseDistribution]]
"""Values, with their distributions, of the first place of a study."""


class Ending(StrEnum):
    """How a place stands."""

    FINISHED = "finished"
    STOPPED_EARLY = "stopped early"
    RUNNING = "running"
    WAITING = "waiting"
    GIVEN_UP = "given up"


@dataclass(frozen=True)
class Place:
    """One set of values of a study as its latest trial tells it.

    `number` counts the places from 1, in the order they are handed out; `losses` are the validation losses by epoch
    from 0; `loss` is that of the network it leaves, or of its last epoch if it was stopped early; None without one.
    `values` are as the study stores them, choices by their label. `note` says why it ended early, if that is known.
    """

    number: int
    ending: Ending
    loss: float | None
    values: Mapping[str, object]
    losses: Mapping[int, float]
    seconds: float | None
    host: str
    note: str

    @property
    def over(self) -> bool:
        """Say whether nothing will happen to it any more."""
        return self.ending in (Ending.FINISHED, Ending.STOPPED_EARLY, Ending.GIVEN_UP)


def shown(value: object) -> str:
    """Return a place's value as a reader wants it: four digits of a real number, a text without its quotes."""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    quoted = text[:1] in "'\"" and text[-1:] == text[:1]
    return (text[1:-1] or "(empty)") if quoted else text


@dataclass(frozen=True)
class Plan:
    """What a search does: so many places, values of the first one, how to draw the others by place, what a trial is."""

    wanted: int
    opening: Opening
    sampler: Callable[[int], BaseSampler]
    objective: Callable[[optuna.Trial, int], float]


@dataclass(frozen=True)
class Worker:
    """A process that takes trials; `file` is locked while it lives."""

    host: str
    file: Path

    def facts(self) -> dict[str, object]:
        """Return what a trial notes of it, as JSON types."""
        return {"host": self.host, "file": self.file.name, "pid": os.getpid()}


@contextmanager
def worker(folder: Path) -> Iterator[Worker]:
    """Be a worker of the search in a folder; those who died leave a file there, which is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    own = Worker(platform.node(), folder / f"worker-{uuid.uuid4().hex}.lock")
    with own.file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield own
        own.file.unlink()


def run_next(study: optuna.Study, storage: StudyStorage, own: Worker, plan: Plan) -> int | None:
    """Run the next trial that waits, and return its place; None if none waits, or another process took it away.

    One process at a time looks after the dead and hands out trials; the trials themselves run side by side.
    """
    lost: list[UpdateFinishedTrialError] = []
    with ExitStack() as handing_out:
        handing_out.enter_context(storage.exclusive())
        _take_up(study, own, plan)
        place = _waiting(study)
        if place is None:
            return None
        study.sampler = plan.sampler(place)

        def objective(trial: optuna.Trial) -> float:
            _claim(study, storage, trial, own)
            handing_out.close()
            try:
                return plan.objective(trial, place)
            except UpdateFinishedTrialError as error:
                lost.append(error)
                raise

        try:
            study.optimize(objective, n_trials=1)
        except (UpdateFinishedTrialError, ValueError):  # ValueError: optuna cannot tell the end of a trial that failed
            if not lost:
                raise
            return None  # this process slept, or the storage did not hear of it, and another took its trial up
        except UnboundLocalError as error:  # optuna 5.0 stumbles when it cannot note that the storage failed
            behind = _storage_error(error)
            if behind is None:
                raise
            raise behind from behind.__cause__
    return place


def _storage_error(error: BaseException) -> StorageInternalError | None:
    """Return the storage's error behind another one, the first that was raised."""
    found, behind = None, error.__context__
    while behind is not None:
        found = behind if isinstance(behind, StorageInternalError) else found
        behind = behind.__context__
    return found


def _take_up(study: optuna.Study, own: Worker, plan: Plan) -> None:
    """Notice trials whose process died, and see that one waits: such a one, or a new one if the study lacks it.

    Killed between any two steps, the next call does the rest.
    """
    with experimental():
        fail_stale_trials(study)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if _is_dead(trial, own):
            study.tell(trial.number, state=TrialState.FAIL)
    _remove_files_of_the_dead(own)
    latest = _latest(study)
    for place, trial in latest.items():
        if trial.state is TrialState.FAIL and _ending(trial) is Ending.WAITING:
            study.add_trial(_next_attempt(place, trial))
    if len(latest) < plan.wanted and _waiting(study) is None:  # what was begun comes first
        place = len(latest) + 1
        study.add_trial(_empty(place, plan.opening if place == 1 else {}))


def _claim(study: optuna.Study, storage: StudyStorage, trial: optuna.Trial, own: Worker) -> None:
    """Note who runs a trial that was just handed out, and begin its heartbeat.

    Only after that may `StudyStorage.exclusive` be given free: a running trial without these notes is one whose
    process died while it held the lock.
    """
    study_id = storage.trials.get_study_id_from_name(study.study_name)
    storage.trials.record_heartbeat(storage.trials.get_trial_id_from_study_id_trial_number(study_id, trial.number))
    trial.set_user_attr(_WORKER, own.facts())


def mark_stopped(trial: optuna.Trial) -> None:
    """Note that a trial ends by Ctrl+C or an error that its user sees, which does not count as an attempt."""
    trial.set_user_attr(_STOPPED, True)


def note(trial: optuna.Trial, text: str) -> None:
    """Note why a trial ends early."""
    trial.set_user_attr(_NOTE, text)


def _waiting(study: optuna.Study) -> int | None:
    """Return the place that is handed out next, None if none waits."""
    queue = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    return int(queue[0].user_attrs[_PLACE]) if queue else None


def places(study: optuna.Study) -> dict[int, Place]:
    """Return the places of a study by number."""
    return {number: _place(number, trial) for number, trial in sorted(_latest(study).items())}


def best_place(found: Iterable[Place]) -> Place | None:
    """Return the finished place with the lowest loss, the first of equal ones, None if none has finished."""
    finished = [place for place in found if place.ending is Ending.FINISHED and place.loss is not None]
    return min(finished, key=lambda place: place.loss or 0.0, default=None)


def _latest(study: optuna.Study) -> dict[int, FrozenTrial]:
    """Return the latest trial of each place; trials are in the order of their numbers."""
    return {int(trial.user_attrs[_PLACE]): trial for trial in study.get_trials(deepcopy=False)}


def _is_dead(trial: FrozenTrial, own: Worker) -> bool:
    """Say whether the process of a running trial is known to be gone; else its heartbeat tells, later."""
    facts = trial.user_attrs.get(_WORKER)
    if facts is None:
        return True
    file = own.file.with_name(facts["file"])
    return facts["host"] == own.host and file.exists() and _is_free(file)


def _remove_files_of_the_dead(own: Worker) -> None:
    for file in own.file.parent.glob("worker-*.lock"):
        if file != own.file and _is_free(file):
            file.unlink(missing_ok=True)


def _is_free(file: Path) -> bool:
    with file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _empty(place: int, opening: Opening) -> FrozenTrial:
    return optuna.create_trial(
        state=TrialState.WAITING,
        params={name: value for name, (value, _) in opening.items()},
        distributions={name: distribution for name, (_, distribution) in opening.items()},
        user_attrs={_PLACE: place},
    )


def _next_attempt(place: int, trial: FrozenTrial) -> FrozenTrial:
    return optuna.create_trial(
        state=TrialState.WAITING,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs={_PLACE: place, _ATTEMPT: _attempt(trial), _EPOCHS: len(trial.intermediate_values)},
    )


def _attempt(trial: FrozenTrial) -> int:
    """Return how many attempts without a finished epoch lie behind a trial that failed; being stopped is none."""
    if trial.user_attrs.get(_STOPPED) or len(trial.intermediate_values) > trial.user_attrs.get(_EPOCHS, 0):
        return 0
    return int(trial.user_attrs.get(_ATTEMPT, 0)) + 1


def _place(number: int, trial: FrozenTrial) -> Place:
    return Place(
        number=number,
        ending=_ending(trial),
        loss=trial.value,
        values=trial.params,
        losses=trial.intermediate_values,
        seconds=trial.duration.total_seconds() if trial.duration else None,
        host=str(trial.user_attrs.get(_WORKER, {}).get("host", "")),
        note=str(trial.user_attrs.get(_NOTE, "")),
    )


def _ending(trial: FrozenTrial) -> Ending:
    if trial.state is TrialState.FAIL:
        return Ending.GIVEN_UP if _attempt(trial) >= _ATTEMPTS else Ending.WAITING
    return {
        TrialState.COMPLETE: Ending.FINISHED,
        TrialState.PRUNED: Ending.STOPPED_EARLY,
        TrialState.RUNNING: Ending.RUNNING,
        TrialState.WAITING: Ending.WAITING,
    }[trial.state]
