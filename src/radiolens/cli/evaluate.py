"""`radiolens evaluate`: measures a bundle on a part of a manifest, and writes the whole evidence."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from radiolens.cli.bundle_folder import bundle_folder
from radiolens.cli.collection import open_collection
from radiolens.cli.number_types import SEED
from radiolens.cli.stages import stage_progress
from radiolens.cli.study_table import study_table
from radiolens.data.manifest import SPLITS, Case, Manifest
from radiolens.errors import DatasetError
from radiolens.validation.documents.figures import SECTIONS

if TYPE_CHECKING:
    from radiolens.inference.engine import Engine

__all__ = ["command"]

_SECTION = click.Choice([name.replace("_", "-") for name in SECTIONS])


@click.command("evaluate")
@click.argument("bundle")
@click.argument("manifest", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--split",
    "splits",
    multiple=True,
    type=click.Choice(SPLITS),
    help="Default: test and external. May be given several times.",
)
@click.option("--fold", "folds", multiple=True, type=int, help="Only these folds; then of every split by default.")
@click.option("--source", "sources", multiple=True, help="Only these sources.")
@click.option("--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where files go.")
@click.option("--against", metavar="BUNDLE", help="Compare with this bundle on the same cases.")
@click.option("--only", multiple=True, type=_SECTION, help="Of the long studies only these.")
@click.option("--skip", multiple=True, type=_SECTION, help="Leave these out.")
@click.option("--pictures", is_flag=True, help="Also write pictures.html, the largest errors with their pictures.")
@click.option("--seed", default=0, show_default=True, type=SEED, help="Of everything that is drawn.")
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
    against: str | None,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    pictures: bool,
    seed: int,
    resamples: int,
    as_json: bool,
) -> None:
    """Measure BUNDLE (a folder, or the name of an installed one) on MANIFEST (a file, or a known collection's folder).

    OUTPUT gets evaluation.json with every figure, predictions.parquet, plots, report.html, model_card.md, datasheet.md,
    claim.md and the hashes of all of them. Called again with the same OUTPUT it goes on where it was cut. Beside every
    AUROC stands what borders and brightness alone tell of the same images.
    """
    from radiolens.validation.documents.pictures import refuse_unsafe_place
    from radiolens.validation.evidence import Request, make_evidence
    from radiolens.validation.results import deciding_versions
    from radiolens.validation.study import Plan

    if pictures:
        refuse_unsafe_place(output)
    sections = _sections(only, skip, against)
    engine, other = _open(bundle), _open(against) if against else None
    cases_of = open_collection(manifest, engine.bundle.task)
    chosen_splits = splits or (() if folds else _never_trained_on(cases_of))
    cases = _chosen(cases_of, chosen_splits, folds, sources)
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
    request = Request(engine, cases_of, cases, output, plan, sections, other, pictures)
    try:
        content = make_evidence(request, stage_progress(sys.stderr))
    except KeyboardInterrupt:
        click.echo(f"{output / 'work'} keeps what is finished; the same command goes on from there.", err=True)
        raise
    click.echo(json.dumps(content, indent=1) if as_json else study_table(content))
    click.echo(f"written: {output / 'evaluation.json'}, {output / 'report.html'}", err=True)


def _sections(only: tuple[str, ...], skip: tuple[str, ...], against: str | None) -> frozenset[str]:
    asked, left_out = ({name.replace("-", "_") for name in names} for names in (only, skip))
    if "comparison" in asked and not against:
        raise click.UsageError("--only comparison compares two bundles. Name the other one with --against.")
    chosen = (asked or set(SECTIONS)) - left_out
    return frozenset(chosen if against else chosen - {"comparison"})


def _never_trained_on(manifest: Manifest) -> tuple[str, ...]:
    """Return those of the splits test and external that the manifest has; test if it has neither."""
    known = {case.split for case in manifest.cases}
    return tuple(split for split in ("test", "external") if split in known) or ("test",)


def _open(bundle: str) -> Engine:
    from radiolens.inference.engine import Engine

    return Engine.open(bundle_folder(bundle))


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
