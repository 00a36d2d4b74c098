"""`radiolens crossvalidate`: judges an experiment by patients that its networks have not seen."""

from __future__ import annotations

import json
import logging
import shlex
import sys
from functools import partial
from pathlib import Path

import click

from radiolens.cli.collection import data_option, open_collection, runs_option
from radiolens.cli.number_types import SEED

__all__ = ["command"]


@click.command("crossvalidate")
@click.argument("experiment")
@data_option
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), help="Where files go. Needed without --fold."
)
@click.option(
    "--folds",
    type=click.IntRange(min=2),
    help="Cut this many by patient, outside of test and external cases; for a manifest without folds.",
)
@runs_option
@click.option(
    "--fold",
    type=click.IntRange(min=0),
    help="Train and answer the network without this fold alone, as on one of several machines that share RUNS.",
)
@click.option("--seed", default=0, show_default=True, type=SEED, help="Of folds that are cut, bootstrap and control.")
@click.option("--resamples", default=1000, show_default=True, type=click.IntRange(min=1), help="Of the bootstrap.")
@click.option("--json", "printed_as_json", is_flag=True, help="Print evaluation.json instead of the table.")
def command(
    experiment: str,
    data: Path,
    *,
    output: Path | None,
    folds: int | None,
    runs: Path,
    fold: int | None,
    seed: int,
    resamples: int,
    printed_as_json: bool,
) -> None:
    """Train EXPERIMENT once for each fold of the manifest, on all other folds, and judge each network by its own fold.

    Cases without a fold are trained on every time if they are of the training split; every network answers those of
    test and external ones. Called again, it goes on where it was cut; each fold has a run of its own in RUNS.
    Temperature and thresholds of a fold are chosen on the answers to the other folds, and on validation cases without a
    fold. OUTPUT gets evaluation.json, predictions.parquet and curves.png, as from `radiolens evaluate`. EXPERIMENT is a
    name, or a Python file, which is run as code.
    """
    if (output is None) == (fold is None):
        raise click.UsageError("Give --output, where the study of all folds goes, or one --fold, which writes none.")
    from radiolens.training.process import prepare_process

    prepare_process()  # before TensorFlow is imported
    from radiolens.cli.stages import stage_progress
    from radiolens.cli.study_table import study_table
    from radiolens.data.splits import with_folds
    from radiolens.training.config import as_json as experiment_as_json
    from radiolens.training.configs import load_experiment
    from radiolens.training.folds import check_fold, judge_fold
    from radiolens.training.train import Watcher
    from radiolens.validation.folded import folded
    from radiolens.validation.out_of_fold import cross_validate
    from radiolens.validation.questions import questions
    from radiolens.validation.results import (
        as_json,
        deciding_versions,
        draw_curves,
        plain_json,
        write_evaluation,
        write_predictions,
    )
    from radiolens.validation.study import Plan, measure

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    config = load_experiment(experiment)
    show = stage_progress(sys.stderr)
    manifest = open_collection(data, config.task)
    if folds:
        manifest = with_folds(manifest, folds, seed)
    try:
        if fold is not None:
            check_fold(manifest, fold)
            judge_fold(config, manifest, fold, runs, Watcher(show))
            return
        found = cross_validate(config, manifest, runs, Watcher(show))
    except KeyboardInterrupt:
        click.echo(f"{runs} keeps the finished epochs; the same command goes on from there.", err=True)
        raise
    assert output is not None  # noqa: S101  as checked above
    settings = {
        "experiment": experiment_as_json(config),
        "folds": list(found.networks),
        "networks": {str(fold): sha256 for fold, sha256 in found.networks.items()},
        "command": shlex.join(["radiolens", *sys.argv[1:]]),
        "versions": deciding_versions(),
    }
    plan = Plan(seed, resamples, settings=settings)
    measuring = partial(show, "Measuring")
    study = measure(found.task, found.scored, found.thresholds, plan, progress=measuring, sets=found.sets)
    content = {
        **as_json(study),
        "within_folds": plain_json(folded(found, plan, partial(show, "Comparing within folds"))),
    }
    write_predictions(found.task, found.scored, output)
    draw_curves(questions(found.task, found.scored, found.thresholds), output)
    file = write_evaluation(content, output)
    click.echo(json.dumps(content, indent=1) if printed_as_json else study_table(content))
    click.echo(f"written: {file}", err=True)
