"""`radiolens train`: runs an experiment of training/configs, or of a file of the user's own."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from radiolens.cli.collection import data_option, open_collection, runs_option

if TYPE_CHECKING:
    from radiolens.data.manifest import Manifest
    from radiolens.training.checkpoints import Epoch

__all__ = ["command"]


@click.command("train")
@click.argument("experiment")
@data_option
@runs_option
@click.option(
    "--hold-out", type=click.IntRange(min=0), help="Hold out this fold as validation split, for out-of-fold runs."
)
def command(experiment: str, data: Path, runs: Path, hold_out: int | None) -> None:
    """Run EXPERIMENT; called again, it goes on where it was cut.

    EXPERIMENT is a name, for instance chest_xray, or a Python file that defines EXPERIMENT. Such a file is run as code:
    give only what you trust. The folder RUNS/<name of the experiment> then holds configuration, log, curves,
    environment and network.
    """
    from radiolens.training.process import prepare_process

    prepare_process()  # before TensorFlow is imported
    from radiolens.cli.stages import stage_progress
    from radiolens.data.splits import hold_out_fold
    from radiolens.training.configs import load_experiment
    from radiolens.training.train import Watcher, train

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    config = load_experiment(experiment)
    manifest = open_collection(data, config.task)
    if hold_out is not None:
        _check_fold(config.part(manifest), hold_out)
        manifest = hold_out_fold(manifest, hold_out)
    run = runs / (config.name if hold_out is None else f"{config.name}-fold{hold_out}")
    try:
        network = train(config, manifest, run, runs / "cache", Watcher(stage_progress(sys.stderr), _tell))
    except KeyboardInterrupt:
        click.echo(f"{run} keeps the finished epochs; the same command goes on from there.", err=True)
        raise
    click.echo(f"network: {network}")


def _check_fold(used: Manifest, fold: int) -> None:
    """Raise DatasetError, which names the folds that there are, if no case of this one could be held out."""
    from radiolens.data.splits import GIVEN
    from radiolens.errors import DatasetError

    known = sorted({case.fold for case in used.cases if case.fold is not None and case.split not in GIVEN})
    if not known:
        raise DatasetError(
            f"{used.file}: no case that could be held out has a fold. Write folds into it with `radiolens data split "
            "--folds 5`, or leave out --hold-out."
        )
    if fold not in known:
        raise DatasetError(f"{used.file}: no fold {fold} to hold out. Choose of {', '.join(map(str, known))}.")


def _tell(epoch: Epoch) -> None:
    click.echo(
        f"epoch {epoch.number + 1}: loss {epoch.loss:.4f}, on validation {epoch.validation_loss:.4f}, "
        f"learning rate {epoch.learning_rate:.2g}",
        err=True,
    )
