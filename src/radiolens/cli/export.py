"""`radiolens export`: turns a trained network into a bundle."""

from __future__ import annotations

import sys
from pathlib import Path

import click

__all__ = ["command"]


@click.command("export")
@click.argument("experiment")
@click.argument("network", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="A manifest (CSV or Parquet), or the folder of a known collection: that of the run.",
)
@click.option("--version", required=True, help="For instance 1.0.0; answers name it.")
@click.option("--runs", default=Path("runs"), type=click.Path(file_okay=False, path_type=Path), show_default=True)
@click.option(
    "--largest-mb",
    type=click.IntRange(min=1),
    help="What the bundle may take; default 12, 18 unless the backbone is Lite0, as for released bundles.",
)
def command(
    experiment: str, network: Path, folder: Path, *, data: Path, version: str, runs: Path, largest_mb: int | None
) -> None:
    """Write the bundle of NETWORK (network.keras of a run) into the new FOLDER, calibrated on the validation split.

    EXPERIMENT is that of the run, a name or a Python file. Afterwards measure the bundle with `radiolens evaluate`,
    --output FOLDER/evidence, and run `radiolens bundle seal FOLDER`, which puts the figures into the model card.
    """
    from radiolens.cli.collection import open_collection
    from radiolens.cli.stages import stage_progress
    from radiolens.training.configs import load_experiment
    from radiolens.training.export import Exported, export_bundle
    from radiolens.validation.documents import seal

    config = load_experiment(experiment)
    exported = Exported(config, open_collection(data, config.task), network, runs / "cache")
    limit = None if largest_mb is None else largest_mb * 1_000_000
    installed = export_bundle(exported, folder, version, limit, stage_progress(sys.stderr))
    click.echo(f"{folder}: {installed.sha256}")
    click.echo(f"written: {seal(folder)}", err=True)
