"""`radiolens data import`: a manifest of a known collection."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command("import")
@click.argument("layout", type=click.Choice(["chest-xray", "brain-mri", "brain-ct"]))
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
def command(layout: str, folder: Path, output: Path) -> None:
    """Write the manifest of a collection in FOLDER, with its committed splits, to OUTPUT (.csv or .parquet)."""
    from radiolens.data.manifest import write_manifest
    from radiolens.data.sources import LAYOUTS
    from radiolens.data.splits import check_no_leakage

    manifest = LAYOUTS[layout](folder)
    check_no_leakage(manifest.cases)
    write_manifest(manifest, output)
    click.echo(f"{output}: {len(manifest.cases)} images")
