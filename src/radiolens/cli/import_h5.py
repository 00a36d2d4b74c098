"""`radiolens import-h5`: makes a bundle of somebody's Keras file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from radiolens.training.imported.import_h5 import Imported, Wanted

__all__ = ["command"]


@click.command("import-h5")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--task", help="The task that the network answers; see `radiolens tasks`.")
@click.option("--labels", help="Its outputs in its own order, with commas: glioma,meningioma,no_tumour,pituitary.")
@click.option("--name", help="Of the bundle; default: the file's name without its ending.")
@click.option("--version", default="1.0.0", show_default=True, help="Of the bundle; answers name it.")
@click.option(
    "--scale",
    type=click.Choice(["zero-to-one", "minus-one-to-one", "zero-to-255", "imagenet-mean", "imagenet-standard"]),
    default="zero-to-one",
    show_default=True,
    help="What the network expects black and white to be: that of `preprocess_input` in its training.",
)
@click.option(
    "--compare-on",
    "pictures",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An image to compare the bundle with Keras on, besides generated ones; may be given often.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(
    file: Path | None,
    *,
    task: str | None,
    labels: str | None,
    name: str | None,
    version: str,
    scale: str,
    pictures: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Make a bundle of FILE (.h5 of Keras 2 or 3, or .keras) in RADIOLENS_HOME/bundles; a restarted app lists it.

    Needs --task and --labels, save for braintumor.h5, Tuberculosis_model.h5 and pneumonia_model.h5. Without FILE those
    of the three that lie in the working folder are imported. The file is not trusted: nothing of it is run, and
    networks of unusual layers are refused. The bundle is not calibrated: measure it with `radiolens evaluate`.
    """
    from dataclasses import replace

    from radiolens.cli.configuration import read_settings
    from radiolens.cli.stages import stage_progress
    from radiolens.training.imported.import_h5 import Scale, import_network, known_files
    from radiolens.validation.documents.seal import seal

    files = known_files(Path.cwd()) if file is None else [file]
    if not files:
        raise click.UsageError("The working folder holds none of the known files. Give the FILE, --task and --labels.")
    bundles = read_settings().home / "bundles"
    for path in files:
        wanted = replace(_wanted(path, task, labels), name=name or "", version=version, scale=Scale(scale))
        imported = import_network(path, bundles, wanted, pictures, stage_progress(sys.stderr))
        if not (imported.installed.folder / "evidence" / "hashes.json").is_file():
            seal(imported.installed.folder)
        _tell(imported, as_json=as_json)


def _wanted(file: Path, task: str | None, labels: str | None) -> Wanted:
    from radiolens.training.imported.import_h5 import KNOWN_FILES, Wanted

    known = KNOWN_FILES.get(file.name)
    if task is None or labels is None:
        if known is None or (task, labels) != (None, None):
            raise click.UsageError(f"{file.name}: --task and --labels are needed, since the file does not tell them.")
        return known
    return Wanted(task, tuple(labels.split(",")))


def _tell(imported: Imported, *, as_json: bool) -> None:
    bundle = imported.installed.bundle
    if as_json:
        told = {
            "name": bundle.name,
            "version": bundle.version,
            "sha256": imported.installed.sha256,
            "folder": str(imported.installed.folder),
            "task": bundle.task,
            "labels": bundle.labels,
            "explanation": bundle.explanation,
            "largest_difference": imported.largest_difference,
            "already_there": imported.already_there,
        }
        click.echo(json.dumps(told))
        return
    click.echo(f"{imported.installed.folder}: {imported.installed.sha256}")
    click.echo(
        f"{bundle.name} {bundle.version} answers {', '.join(bundle.labels)} of {bundle.task}; it differs from Keras by "
        f"at most {imported.largest_difference:.1g} in a probability. It is not calibrated: measure it with "
        "`radiolens evaluate`." + (" It was there already." if imported.already_there else ""),
        err=True,
    )
