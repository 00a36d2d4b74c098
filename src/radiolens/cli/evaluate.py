"""`radiolens evaluate`: measures a bundle on a part of a manifest."""

from __future__ import annotations

import json
import shlex
import sys
from functools import partial
from pathlib import Path

import click

from radiolens.cli.collection import open_collection
from radiolens.cli.configuration import read_settings
from radiolens.cli.stages import stage_progress
from radiolens.cli.study_table import study_table
from radiolens.data.manifest import SPLITS, Case, Manifest
from radiolens.errors import DatasetError

__all__ = ["command"]


@click.command("evaluate")
@click.argument("bundle")
@click.argument("manifest", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--split", "splits", multiple=True, type=click.Choice(SPLITS), help="Default: test. May be given several times."
)
@click.option("--fold", "folds", multiple=True, type=int, help="Only these folds; then of every split by default.")
@click.option("--source", "sources", multiple=True, help="Only these sources.")
@click.option("--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where files go.")
@click.option("--seed", default=0, show_default=True, help="Of bootstrap and control.")
@click.option("--resamples", default=1000, show_default=True, type=click.IntRange(min=1), help="Of the bootstrap.")
@click.option("--json", "as_json", is_flag=True, help="Print evaluation.json instead of the table.")
def command(
    bundle: str,
    manifest: Path,
    *,
    splits: tuple[str, ...],
    folds: tuple[int, ...],
    sources: tuple[str, ...],
    output: Path,
    seed: int,
    resamples: int,
    as_json: bool,
) -> None:
    """Measure BUNDLE (a folder, or the name of an installed one) on MANIFEST (a file, or a known collection's folder).

    Writes evaluation.json, predictions.parquet and curves.png to OUTPUT. Called again with the same OUTPUT it goes on
    where it was cut. Beside every AUROC stands what borders and brightness alone tell of the same images. If OUTPUT is
    the folder `evidence` of the bundle, its list of hashes is written anew.
    """
    from radiolens.bundle import write_evidence_hashes
    from radiolens.inference.engine import Engine
    from radiolens.validation.questions import questions
    from radiolens.validation.results import as_json as study_as_json
    from radiolens.validation.results import deciding_versions, draw_curves, write_predictions, write_study
    from radiolens.validation.score import control_part, forget_answers, score
    from radiolens.validation.study import Plan, measure

    engine = Engine.open(_bundle_folder(bundle))
    cases_of = open_collection(manifest, engine.bundle.task)
    chosen_splits = splits or (() if folds else ("test",))
    cases = _chosen(cases_of, chosen_splits, folds, sources)
    scored_paths = {case.path for case in cases}
    training = [case for case in cases_of.cases if case.split == "train" and case.path not in scored_paths]
    show = stage_progress(sys.stderr)
    scored = score(engine, cases_of, cases, output, partial(show, "Scoring"))
    reading = partial(show, "Reading training images for the control")
    control = control_part(cases_of, training, engine.bundle.preprocessing, reading)
    identity = engine.installed.identity
    settings = {
        "bundle": identity.sha256,
        "name": identity.name,
        "version": identity.version,
        "splits": chosen_splits,
        "folds": folds,
        "sources": sources,
        "command": shlex.join(["radiolens", *sys.argv[1:]]),
        "versions": deciding_versions(),
    }
    plan = Plan(seed, resamples, settings=settings)
    measuring = partial(show, "Measuring")
    thresholds = engine.bundle.thresholds
    study = measure(cases_of.task, scored, thresholds, plan, control if training else None, measuring)
    write_predictions(cases_of.task, scored, output)
    draw_curves(questions(cases_of.task, scored, thresholds), output)
    file = write_study(study, output)
    forget_answers(engine, output)
    if output.resolve() == (engine.installed.folder / "evidence").resolve():
        write_evidence_hashes(engine.installed.folder)
    click.echo(json.dumps(study_as_json(study), indent=1) if as_json else study_table(study))
    click.echo(f"written: {file}", err=True)


def _bundle_folder(bundle: str) -> Path:
    from radiolens.bundle import RELEASED, find_bundles

    installed = find_bundles([RELEASED, read_settings().home / "bundles"])
    folder = Path(bundle)
    if folder.is_dir() and (folder / "bundle.json").is_file():
        return folder
    if bundle not in installed:
        known = ", ".join(installed) or "no bundles"
        raise click.UsageError(f"{bundle}: neither a bundle's folder nor one of {known}.")
    return installed[bundle]


def _chosen(
    manifest: Manifest, splits: tuple[str, ...], folds: tuple[int, ...], sources: tuple[str, ...]
) -> tuple[Case, ...]:
    wanted: tuple[tuple[str, tuple[object, ...]], ...] = (("split", splits), ("fold", folds), ("source", sources))
    chosen = tuple(
        case
        for case in manifest.cases
        if all(not values or getattr(case, attribute) in values for attribute, values in wanted)
    )
    if not chosen:
        asked = "; ".join(f"{name} {', '.join(map(str, values))}" for name, values in wanted if values)
        raise DatasetError(f"{manifest.file}: none of {len(manifest.cases)} cases has {asked}. Choose another part.")
    return chosen
