"""`radiolens predict`: answers images on the command line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from radiolens.cli.configuration import read_settings
from radiolens.cli.result_files import table, write_heatmaps
from radiolens.errors import BundleError, InputError, UnknownBundle
from radiolens.tasks import TASKS

if TYPE_CHECKING:  # importing it loads the runtime
    from radiolens.bundle import Bundle
    from radiolens.inference.predict import Predictor

__all__ = ["command"]


@click.command("predict")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--task", default="auto", type=click.Choice(["auto", *(task.name for task in TASKS)]), show_default=True)
@click.option(
    "--bundle", metavar="NAME", help="The bundle that answers; `radiolens tasks` lists them. Names the task, too."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line on standard output.")
@click.option("--no-gate", is_flag=True, help="Score what would be refused; needs a named task.")
@click.option("--profile", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Thresholds (JSON).")
@click.option("--heatmaps", type=click.Path(file_okay=False, path_type=Path), help="Write heat maps into this folder.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Also write a .csv or .parquet table.")
def command(
    paths: tuple[str, ...],
    task: str,
    bundle: str | None,
    *,
    as_json: bool,
    no_gate: bool,
    profile: Path | None,
    heatmaps: Path | None,
    output: Path | None,
) -> None:
    """Answer files, folders, zips, DICOM series and @lists (a path a line).

    Exit code 0: every input was answered or refused; 1: at least one could not be read; 2: wrong usage; 130: Ctrl+C.
    """
    if no_gate and task == "auto":
        raise click.UsageError("--no-gate needs a named task: give --task.")
    from radiolens.imaging.untrusted import start

    start()  # overlaps the start of the runtime
    from radiolens.inference.bulk import inputs, predict_inputs
    from radiolens.inference.record import record

    named = _listed(paths)
    found = (entry for path in named for entry in inputs(path))
    predictor = _predictor(profile, task, bundle)
    outcomes = predict_inputs(predictor, found, task, gate=not no_gate, explain=heatmaps is not None, bundle=bundle)
    answered: dict[str, None] = {}  # the tasks, each once and in order
    unreadable = False
    _make(heatmaps)
    with table(output) as add_to_table, _progress(named) as advance:
        for number, outcome in enumerate(outcomes, 1):
            row = record(_as_text(outcome.name), outcome.result, outcome.seconds)
            add_to_table(row)
            if heatmaps:
                write_heatmaps(heatmaps, number, outcome)
            click.echo(json.dumps(row) if as_json else _line(row))  # last, so that what is printed is also written
            advance(outcome.on_disk)
            unreadable |= row["status"] == "unreadable"
            if row["bundle"]:
                answered[row["task"]] = None
    if not as_json:
        _tell_limits([predictor.bundle(name, bundle) for name in answered])
    sys.exit(1 if unreadable else 0)


def _listed(paths: tuple[str, ...]) -> tuple[str, ...]:
    from radiolens.inference.bulk import listed_paths

    try:
        return listed_paths(paths)
    except InputError as error:
        raise click.UsageError(str(error)) from error


@contextmanager
def _progress(paths: Sequence[str]) -> Iterator[Callable[[int], None]]:
    """Give a function that advances a bar by files: on a terminal, for several files, and if answers go elsewhere."""
    from radiolens.inference.folder import files_below

    files = sum(len(files_below(Path(path))) if os.path.isdir(path) else 1 for path in paths)
    if files < 2 or not sys.stderr.isatty() or sys.stdout.isatty():
        yield lambda files: None
        return
    with click.progressbar(length=files, label="Answering", file=sys.stderr) as bar:
        yield bar.update


def _make(heatmaps: Path | None) -> None:
    if heatmaps:
        try:
            heatmaps.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.UsageError(f"--heatmaps {heatmaps}: cannot be made ({error.strerror}).") from error


def _predictor(profile: Path | None, task: str, bundle: str | None) -> Predictor:
    from radiolens.bundle import RELEASED
    from radiolens.inference.predict import Predictor
    from radiolens.inference.profile_file import check_answers, read_profile

    settings = read_settings()
    predictor = Predictor.open((RELEASED, settings.home / "bundles"), settings.threads, gate=settings.gate)
    asked = _task_of(predictor, task, bundle)
    if profile is None:
        return predictor
    try:
        wanted = read_profile(profile)
        predictor = predictor.with_profile(wanted)
        if bundle or asked in predictor.tasks:
            check_answers(wanted, predictor.shelf.installed.asked(asked, bundle))
        return predictor
    except BundleError as error:
        raise click.BadParameter(str(error), param_hint="--profile") from error


def _task_of(predictor: Predictor, task: str, bundle: str | None) -> str:
    try:
        return predictor.task_of(task, bundle)
    except UnknownBundle as error:
        raise click.BadParameter(str(error), param_hint="--bundle") from error


def _as_text(name: str) -> str:
    """Return a name with those bytes escaped that are no UTF-8: JSON and tables hold nothing else."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _line(row: Mapping[str, Any]) -> str:
    name = click.format_filename(row["path"])
    if row["status"] != "answered":
        codes = ", ".join(problem["code"] for problem in row["problems"])
        return f"{name}: {row['status']} ({codes}). {' '.join(problem['message'] for problem in row['problems'])}"
    told = ", ".join(f"{entry['label']} {entry['probability']:.2f} ({entry['presence']})" for entry in row["findings"])
    mark = "" if row["bundle"].get("calibrated", True) else "; scores of an imported network, not calibrated"
    return f"{name}: {told}{_left_open(row)}{mark}"


def _left_open(row: Mapping[str, Any]) -> str:
    """Return what may be present of what was not decided, by the prediction set."""
    undecided = {entry["label"] for entry in row["findings"] if entry["presence"] == "indeterminate"}
    left = [label for label in row["prediction_set"] if label in undecided]
    return f"; possible: {', '.join(left)}" if left else ""


def _tell_limits(bundles: Sequence[Bundle]) -> None:
    """Say once on standard error what stands beside every answer."""
    for bundle in bundles:
        click.echo(f"{bundle.name} {bundle.version}: {' '.join([*_marks(bundle), *bundle.limits])}", err=True)
    if bundles:
        click.echo("For education and research; not a medical device.", err=True)


def _marks(bundle: Bundle) -> Iterator[str]:
    from radiolens.bundle import OCCLUSION_MAP

    if not bundle.calibrated:
        yield "It was imported: it is not calibrated, and radiolens has not measured how often it is right."
    if bundle.explanation == OCCLUSION_MAP:
        yield (
            "Its heat maps are occlusion maps: where hiding a part of the image lowered the score; do not compare them "
            "with those of other networks."
        )
