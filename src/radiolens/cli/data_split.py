"""`radiolens data split`: splits that keep patients together."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command("split")
@click.argument("task", type=click.Choice(["chest-xray", "brain-mri", "brain-ct"]))
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--fractions", nargs=3, type=float, default=(0.7, 0.1, 0.2), show_default=True, help="Train, validation, test."
)
@click.option("--seed", default=0, show_default=True)
def command(task: str, manifest: Path, output: Path, fractions: tuple[float, float, float], seed: int) -> None:
    """Write MANIFEST to OUTPUT with new splits that keep patients and duplicate groups together."""
    from dataclasses import replace

    from radiolens.data.manifest import read_manifest, write_manifest
    from radiolens.data.splits import split_by_group
    from radiolens.tasks import get_task

    found = read_manifest(manifest, get_task(task))
    chosen = split_by_group(found.cases, ("train", "validation", "test"), fractions, seed)
    cases = tuple(replace(case, split=split) for case, split in zip(found.cases, chosen, strict=True))
    write_manifest(replace(found, cases=cases), output)
    click.echo(f"{output}: {len(cases)} images")
