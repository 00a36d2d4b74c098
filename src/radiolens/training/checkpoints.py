"""Checkpoints of a run: the log says which of them count, so a kill at any moment loses at most one epoch.

<run>/epoch-0003.keras   network and optimizer after an epoch; the last one and the best one are kept
      log.jsonl          one line per finished epoch, replaced as a whole once the checkpoint of its last line is there
      network.keras      a copy of the checkpoint that is the run's result so far

A network that is made of finished ones has of these only network.keras, and members.json beside it; the mean of a base
and what was trained from it has all. Whatever a kill leaves besides (a checkpoint that the log does not name, a partial
file) is removed with the next epoch.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np

from radiolens.errors import DatasetError
from radiolens.imaging.archive import DAMAGE

__all__ = [
    "Epoch",
    "best_epoch",
    "chosen_checkpoint",
    "has_result",
    "load_network",
    "locked",
    "read_log",
    "restore",
    "save_epoch",
    "save_made",
    "save_mean",
    "settle",
    "write_whole",
]

_log = logging.getLogger(__name__)

_PARTIAL = "partial-"
_RESULT = "network.keras"
_MEMBERS = "members.json"


@dataclass(frozen=True)
class Epoch:
    """One line of the training log; losses are means, `validation_loss` over the groups of the experiment."""

    number: int
    loss: float
    validation_loss: float
    learning_rate: float


@contextmanager
def locked(run: Path, *, wait: bool = False) -> Iterator[None]:
    """Make the run folder and keep other processes out of it.

    If one works in it already, wait for its end, or raise DatasetError without `wait`.
    """
    run.mkdir(parents=True, exist_ok=True)
    with (run / "lock").open("w") as lock:  # the system releases it, however the process ends
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if not wait:
                raise DatasetError(f"another process trains in {run}. Wait for it, or give another folder.") from error
            _log.info("waiting for another process that trains in %s", run)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_whole(file: Path, text: str) -> None:
    """Write a text file so that it holds either the old text or the new one, never a part."""
    partial = file.with_name(_PARTIAL + file.name)
    partial.write_text(text, encoding="utf-8")
    _put_in_place(partial, file)


def load_network(file: Path, *, compiled: bool = False) -> keras.Model:
    """Return a network that training stored; raise DatasetError if the file is damaged or holds none."""
    try:
        return keras.saving.load_model(file, compile=compiled)
    except (*DAMAGE, OSError, TypeError) as error:
        raise DatasetError(
            f"{file}: found a file that Keras does not open ({error}), expected a network as `radiolens train` stores "
            "it. Restore it, or remove its run to train it anew."
        ) from error


def has_result(run: Path) -> bool:
    """Say whether a run has stored a network."""
    return (run / _RESULT).exists()


def read_log(run: Path) -> list[Epoch]:
    """Return the finished epochs of a run; raise DatasetError if the log is not one."""
    file = run / "log.jsonl"
    if not file.exists():
        return []
    try:
        return [Epoch(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{file}: not a training log ({error}). Remove {run} to start anew.") from error


def restore(run: Path, log: Sequence[Epoch]) -> keras.Model:
    """Return the network of the last finished epoch with its optimizer; raise DatasetError if it is missing."""
    file = _checkpoint(run, len(log) - 1)
    if not file.exists():
        raise DatasetError(f"{run}: log.jsonl tells of {len(log)} epochs, but {file.name} is missing. Remove {run}.")
    return load_network(file, compiled=True)


def save_epoch(model: keras.Model, run: Path, log: Sequence[Epoch], *, keep_best: bool) -> None:
    """Store the network of the last epoch of `log`, then the log that makes it count, then the run's result."""
    last = len(log) - 1
    partial = run / f"{_PARTIAL}epoch.keras"
    model.save(partial)
    _put_in_place(partial, _checkpoint(run, last))
    write_whole(run / "log.jsonl", "".join(json.dumps(asdict(epoch)) + "\n" for epoch in log))
    settle(run, log, keep_best=keep_best)


def settle(run: Path, log: Sequence[Epoch], *, keep_best: bool) -> Path:
    """Bring the files of a run in line with its log, and return its result; also after a kill at any moment."""
    chosen = chosen_checkpoint(run, log, keep_best=keep_best)
    copy = run / f"{_PARTIAL}{_RESULT}"
    shutil.copyfile(chosen, copy)
    _put_in_place(copy, run / _RESULT)
    kept = {chosen, _checkpoint(run, len(log) - 1)}
    for file in (*run.glob("epoch-*.keras"), *run.glob(f"{_PARTIAL}*")):
        if file not in kept:
            file.unlink()
    return run / _RESULT


def chosen_checkpoint(run: Path, log: Sequence[Epoch], *, keep_best: bool) -> Path:
    """Return the checkpoint that counts so far: that of the best epoch, or of the last."""
    return _checkpoint(run, best_epoch(log) if keep_best else len(log) - 1)


def save_mean(networks: Sequence[Path], run: Path) -> Path:
    """Store the network whose weights are the mean of those of finished networks, and return its file."""

    def mean(models: Sequence[keras.Model]) -> keras.Model:
        of_each = zip(*(model.get_weights() for model in models), strict=True)
        models[0].set_weights([np.mean(weights, axis=0) for weights in of_each])
        return models[0]

    return save_made(networks, run, mean)


def save_made(networks: Sequence[Path], run: Path, make: Callable[[Sequence[keras.Model]], keras.Model]) -> Path:
    """Store what `make` makes of finished networks, and return its file.

    It is made once, and anew only if another network stands in the place of one: members.json has their SHA-256.
    """
    file, record = run / _RESULT, run / _MEMBERS
    members = json.dumps([hashlib.sha256(network.read_bytes()).hexdigest() for network in networks])
    if not (file.exists() and record.exists() and record.read_text(encoding="utf-8") == members):
        made = make([load_network(network) for network in networks])
        partial = run / f"{_PARTIAL}{_RESULT}"
        made.save(partial)
        record.unlink(missing_ok=True)  # a kill between the two leaves no record of the one before
        _put_in_place(partial, file)
        write_whole(record, members)
    return file


def best_epoch(log: Sequence[Epoch]) -> int:
    """Return the position of the epoch with the lowest validation loss, the first of equal ones."""
    return int(np.argmin([epoch.validation_loss for epoch in log]))


def _checkpoint(run: Path, epoch: int) -> Path:
    return run / f"epoch-{epoch + 1:04d}.keras"


def _put_in_place(partial: Path, file: Path) -> None:
    with partial.open("rb") as stream:
        os.fsync(stream.fileno())  # or a power cut could leave the new name with the old disk's content
    os.replace(partial, file)
