"""`radiolens export`: turns a trained network into a bundle."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command("export")
@click.argument("experiment")
@click.argument("network", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--data", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path), help="The collection."
)
@click.option("--version", required=True)
def command(experiment: str, network: Path, folder: Path, data: Path, version: str) -> None:
    """Write the bundle of NETWORK (a .keras file of a run) into FOLDER, calibrated on the validation split."""
    from radiolens.data.sources import LAYOUTS
    from radiolens.training.configs import load_experiment
    from radiolens.training.export import export_bundle

    config = load_experiment(experiment)
    installed = export_bundle(config, LAYOUTS[config.task](data), network, folder, version, Path("runs/cache"))
    click.echo(f"{folder}: {installed.sha256}")
