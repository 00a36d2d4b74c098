"""`radiolens export`: turns a trained network into a bundle, or gives a network back as a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from radiolens.cli.collection import open_collection, runs_option

if TYPE_CHECKING:  # importing it loads TensorFlow
    from radiolens.training.export import Exported

__all__ = ["command"]


@click.command("export")
@click.argument("places", nargs=-1, metavar="EXPERIMENT NETWORK FOLDER | SOURCE FILE", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["bundle", "h5", "keras", "onnx"]),
    default="bundle",
    show_default=True,
    help="h5, keras and onnx write SOURCE as a FILE that other programs open.",
)
@click.option(
    "--data",
    type=click.Path(exists=True, path_type=Path),
    help="A manifest (CSV or Parquet), or the folder of a known collection: that of the run.",
)
@click.option("--version", help="For instance 1.0.0; answers name it.")
@click.option(
    "--name", default="", help="Of the bundle; default the task's, whose bundle answers in place of the released one."
)
@runs_option
@click.option(
    "--without-fold",
    type=click.IntRange(min=0),
    help="NETWORK is that of the finished cross-validation in RUNS that left this fold out: calibrate it on the "
    "answers to the other folds, each by the network of its own, and on validation cases without a fold.",
)
@click.option(
    "--largest-mb",
    type=click.IntRange(min=1),
    help="What the bundle may take; default 12, 18 unless the backbone is Lite0, as for released bundles.",
)
def command(
    places: tuple[Path, ...],
    *,
    file_format: str,
    data: Path | None,
    version: str | None,
    name: str,
    runs: Path,
    without_fold: int | None,
    largest_mb: int | None,
) -> None:
    """Write the bundle of NETWORK (network.keras of a run) into the new FOLDER, calibrated on the validation split.

    EXPERIMENT is that of the run, a name or a Python file. Afterwards measure the bundle with `radiolens evaluate`,
    --output FOLDER/evidence, and run `radiolens bundle seal FOLDER`, which puts the figures into the model card.

    With --format h5, keras or onnx, write the network of SOURCE to FILE instead: SOURCE is the folder of an imported
    bundle or of a run, and for onnx of any bundle.
    """
    if file_format != "bundle":
        _give_back(places, file_format)
        return
    if len(places) != 3 or data is None or version is None:
        raise click.UsageError("A bundle needs EXPERIMENT, NETWORK and FOLDER, --data and --version.")
    experiment, network, folder = places
    if not network.is_file():
        raise click.UsageError(f"NETWORK: {network} is no file. Give the network.keras of the run.")
    from radiolens.training.configs import load_experiment
    from radiolens.training.export import Exported
    from radiolens.training.fold_export import calibrated_out_of_fold

    config = load_experiment(str(experiment))
    exported = Exported(config, open_collection(data, config.task), network, runs / "cache", name)
    if without_fold is not None:
        exported = calibrated_out_of_fold(exported, runs, without_fold)
    _export(exported, folder, version, largest_mb)


def _export(exported: Exported, folder: Path, version: str, largest_mb: int | None) -> None:
    from radiolens.cli.stages import stage_progress
    from radiolens.training.export import export_bundle
    from radiolens.validation.documents.seal import seal

    limit = None if largest_mb is None else largest_mb * 1_000_000
    installed = export_bundle(exported, folder, version, limit, stage_progress(sys.stderr))
    click.echo(f"{folder}: {installed.sha256}")
    click.echo(f"written: {seal(folder)}", err=True)


def _give_back(places: tuple[Path, ...], file_format: str) -> None:
    if len(places) != 2:
        raise click.UsageError(f"--format {file_format} needs two places: the SOURCE, and the FILE to write.")
    from radiolens.training.imported.give_back import FileFormat, give_back

    click.echo(f"written: {give_back(places[0], FileFormat(file_format), places[1])}")
