"""`radiolens tune`: searches the values of an experiment, alone or together with other processes."""

from __future__ import annotations

import logging
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from radiolens.cli.collection import data_option, open_collection, runs_option

if TYPE_CHECKING:
    from radiolens.training.tuning.trials import Place

__all__ = ["command"]


@click.command("tune")
@click.argument("config")
@data_option
@click.option("--trials", type=click.IntRange(min=1), help="How many in all; default: as CONFIG says.")
@click.option(
    "--storage",
    envvar="RADIOLENS_TUNE_STORAGE",
    help="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE, shared by all processes that search together; "
    "default: a file in RUNS. Also read from RADIOLENS_TUNE_STORAGE, which no list of processes shows.",
)
@runs_option
def command(config: str, data: Path, trials: int | None, storage: str | None, runs: Path) -> None:
    """Search the values of the experiment in CONFIG; called again, or once more beside it, it goes on.

    CONFIG is a name, for instance brain_mri, or a Python file that defines EXPERIMENT and SEARCH. Such a file is run as
    code: give only what you trust. Trials are judged on the validation split alone. The folder
    RUNS/<name of the experiment>-tune then holds best.py, the best trial as an experiment, and the page tune.html.
    """
    from radiolens.training.process import prepare_process

    prepare_process()  # before TensorFlow is imported
    from radiolens.cli.stages import stage_progress
    from radiolens.training.configs import load_search
    from radiolens.training.tuning.study_storage import open_storage, sqlite_url
    from radiolens.training.tuning.tune import SearchRun, TuneWatcher, tune

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("optuna").setLevel(logging.ERROR)  # what it says of a trial is said here, in one line
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns that every trial's network is traced anew
    experiment, search = load_search(config)
    if trials is not None:
        search = replace(search, trials=trials)
    manifest = open_collection(data, experiment.task)
    folder = runs / f"{experiment.name}-tune"
    called = ["radiolens", "tune", config, "--data", str(data), "--trials", str(search.trials), "--runs", str(runs)]
    with open_storage(storage or sqlite_url(folder / "study.sqlite")) as opened:
        told = shlex.join([*called, "--storage", opened.address] if storage else called)
        run = SearchRun(experiment, search, manifest, folder, runs / "cache", opened, config, told)
        try:
            found = tune(run, TuneWatcher(stage_progress(sys.stderr), _tell))
        except KeyboardInterrupt:
            click.echo(
                f"{folder} keeps the finished trials, and the finished epochs of this one; the same command goes on "
                "from there.",
                err=True,
            )
            raise
    click.echo(f"page: {found.page}")
    if found.best_file:
        click.echo(f"best: {found.best_file}")


def _tell(place: Place, best: Place | None, total: int) -> None:
    loss = "no loss" if place.loss is None else f"validation loss {place.loss:.4f}"
    told = f"trial {place.number} of {total} {place.ending}: {loss}"
    if place.note:
        told += f", {place.note}"
    if best is not None and best.loss is not None:
        told += f"; best so far is trial {best.number} with {best.loss:.4f}"
    click.echo(told, err=True)
