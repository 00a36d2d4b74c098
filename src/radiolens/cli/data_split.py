"""`radiolens data split`: splits and folds that keep patients together, and the check that they do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from radiolens.cli.number_types import SEED
from radiolens.tasks import TASKS

if TYPE_CHECKING:
    from radiolens.data.manifest import Manifest

__all__ = ["command"]


def _fractions(_: click.Context, __: click.Parameter, value: tuple[float, ...]) -> tuple[float, ...]:
    if min(value) < 0 or not abs(sum(value) - 1) <= 1e-9 or value[0] + value[1] == 0:
        raise click.BadParameter(f"found {value}, expected three fractions from 0 to 1 that sum to 1, not all in test.")
    return value


@click.command("split")
@click.argument("task", type=click.Choice([task.name for task in TASKS]))
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("output", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--fractions",
    nargs=3,
    type=float,
    default=(0.7, 0.1, 0.2),
    show_default=True,
    callback=_fractions,
    help="Train, validation, test.",
)
@click.option("--folds", type=click.IntRange(min=2), help="Also number this many folds outside of test.")
@click.option("--seed", default=0, show_default=True, type=SEED)
@click.option("--new-test", is_flag=True, help="Cut given test and external splits anew as well.")
@click.option(
    "--groups", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Duplicates that an audit found."
)
@click.option("--check", is_flag=True, help="Only check the splits and folds that MANIFEST has.")
@click.option("--force", is_flag=True, help="Write over OUTPUT.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def command(
    task: str,
    manifest: Path,
    output: Path | None,
    *,
    fractions: tuple[float, float, float],
    folds: int | None,
    seed: int,
    new_test: bool,
    groups: Path | None,
    check: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Write MANIFEST to OUTPUT with new splits that keep patients and duplicate groups together.

    Splits are balanced over source and label. A test or external split that MANIFEST has stays as it is. With --check
    nothing is written; the exit code is 1 if a patient stands in two splits or folds.
    """
    from dataclasses import replace

    from radiolens.cli.data_output import counts, counts_table, refuse_existing
    from radiolens.data.groups import read_groups, with_groups
    from radiolens.data.manifest import read_manifest, relocated, write_manifest
    from radiolens.data.splits import check_no_leakage, cut
    from radiolens.tasks import get_task

    if check == (output is not None):
        raise click.UsageError("Give either OUTPUT or --check.")
    found = read_manifest(manifest, get_task(task))
    if groups is not None:
        found = replace(found, cases=with_groups(found.cases, read_groups(groups)))
    if output is not None:
        refuse_existing(output, force=force)
        cases = cut(found.cases, fractions, folds=folds or 0, seed=seed, keep_given=not new_test)
        found = relocated(replace(found, cases=cases), output)
        _tell_empty(found, fractions, folds or 0)
    check_no_leakage(found.cases)
    if output is not None:
        write_manifest(found, output)
    click.echo(json.dumps(counts(found)) if as_json else counts_table(found))
    click.echo(f"written: {output}" if output else "No patient or duplicate group stands in two splits.", err=True)


def _tell_empty(manifest: Manifest, fractions: tuple[float, float, float], folds: int) -> None:
    """Warn of a split or fold that was asked for and has no case."""
    from radiolens.data.splits import PARTS, group_ids

    parts, numbers = {case.split for case in manifest.cases}, {case.fold for case in manifest.cases}
    empty = [part for part, fraction in zip(PARTS, fractions, strict=True) if fraction > 0 and part not in parts]
    empty += [f"fold {number}" for number in range(1, folds + 1) if number not in numbers]
    if empty:
        click.echo(
            f"warning: {len(manifest.cases)} images of {len(set(group_ids(manifest.cases)))} patients or groups leave "
            f"nothing for {', '.join(empty)}. Add patients, or ask for less.",
            err=True,
        )
