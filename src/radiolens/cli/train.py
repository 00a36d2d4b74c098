"""`radiolens train`: runs an experiment of training/configs."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command("train")
@click.argument("experiment")
@click.option(
    "--data", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path), help="The collection."
)
@click.option("--runs", default=Path("runs"), type=click.Path(file_okay=False, path_type=Path), show_default=True)
@click.option(
    "--hold-out", type=click.IntRange(min=1), help="Hold out this fold as validation split, for out-of-fold runs."
)
def command(experiment: str, data: Path, runs: Path, hold_out: int | None) -> None:
    """Run EXPERIMENT, for instance chest_xray; called again, it goes on where it was cut."""
    from radiolens.data.sources import LAYOUTS
    from radiolens.data.splits import hold_out_fold
    from radiolens.training.configs import load_experiment
    from radiolens.training.train import train

    config = load_experiment(experiment)
    manifest = LAYOUTS[config.task](data)
    if hold_out is not None:
        manifest = hold_out_fold(manifest, hold_out)
    run = runs / (experiment if hold_out is None else f"{experiment}-fold{hold_out}")
    click.echo(f"best network: {train(config, manifest, run, runs / 'cache')}")
