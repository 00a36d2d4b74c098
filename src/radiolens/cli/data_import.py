"""`radiolens data import`: a manifest from folders, a table, DICOM files or a known collection."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from radiolens.tasks import TASKS

if TYPE_CHECKING:
    from radiolens.data.case import Manifest
    from radiolens.data.examination import Examined
    from radiolens.data.meaning import Meaning
    from radiolens.data.table import Layout
    from radiolens.task import Task

__all__ = ["command"]

_KINDS = ("auto", "folders", "csv", "dicom", "collection")


@click.command("import")
@click.argument("task", type=click.Choice([task.name for task in TASKS]))
@click.argument("origin", type=click.Path(exists=True, path_type=Path))
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--as", "kind", type=click.Choice(_KINDS), default="auto", show_default=True, help="What ORIGIN is.")
@click.option("--map", "meanings", multiple=True, metavar="NAME=LABEL", help="What a folder or value stands for.")
@click.option("--skip", "skipped", multiple=True, metavar="FOLDER", help="Leave this class folder out.")
@click.option("--column", "columns", multiple=True, metavar="COLUMN=NAME", help="Where a table has a column.")
@click.option("--images", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Where a table's lie.")
@click.option("--by-name", is_flag=True, help="The table has names of files anywhere below --images.")
@click.option(
    "--delimiter",
    default=",",
    show_default=True,
    callback=lambda _, __, value: _delimiter(value),
    help="Of the table; TAB for a tabulator.",
)
@click.option("--patient", default="", metavar="REGEX", help="For paths: its one group is the patient's id.")
@click.option("--source", help="Name of the data set or hospital. Default: the name of ORIGIN.")
@click.option("--licence", default="", help="Of the images.")
@click.option(
    "--salt-file", type=click.Path(dir_okay=False, path_type=Path), help="Salt of pseudonyms; made if absent."
)
@click.option("--pseudonymise", is_flag=True, help="Also replace patient ids of table, folders or names.")
@click.option("--any-modality", is_flag=True, help="Keep DICOM files of modalities that the task is not for.")
@click.option("--no-decode", is_flag=True, help="Only hash the files: quick, but nothing is checked or read from them.")
@click.option("--force", is_flag=True, help="Write over OUTPUT.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def command(
    task: str,
    origin: Path,
    output: Path,
    *,
    kind: str,
    meanings: tuple[str, ...],
    skipped: tuple[str, ...],
    columns: tuple[str, ...],
    images: Path | None,
    by_name: bool,
    delimiter: str,
    patient: str,
    source: str | None,
    licence: str,
    salt_file: Path | None,
    pseudonymise: bool,
    any_modality: bool,
    no_decode: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Write the manifest of the images in ORIGIN to OUTPUT (.csv or .parquet), which lies beside or above them.

    \b
    ORIGIN is one of
      folders     a folder with one subfolder for each label, also below train, val and test
      csv         a table with a row for each image
      dicom       a folder of DICOM files, which come in without labels
      collection  a folder laid out as chest-xray, brain-mri or brain-ct of data/sources, with its own manifest.csv

    Every image is opened. What cannot be used is left out and listed in OUTPUT's name with .left-out.csv, and the exit
    code is 1. What a name or value does not speak of is not annotated, which is not "absent".

    \b
    Findings:          --map NORMAL=pneumonia:0,tuberculosis:0 --map PNEUMONIA=pneumonia
    Exclusive labels:  --map notumor=no_tumour --map 'tumour=glioma|meningioma|pituitary' --map unsure=

    DICOM patient ids become pseudonyms under a salt that is drawn for this import and not stored, or that is kept in
    --salt-file to give a patient the same pseudonym in another import.
    """  # noqa: D301  a raw docstring would show click its mark for verbatim paragraphs as two characters
    from radiolens.cli.data_output import counts, counts_table, progress, refuse_existing
    from radiolens.data.examination import Examination, examine
    from radiolens.data.manifest import check_writable, relocated, write_manifest
    from radiolens.data.meaning import parse_meanings
    from radiolens.data.pseudonym import new_salt, stored_salt
    from radiolens.data.table import Layout, parse_columns
    from radiolens.tasks import get_task

    asked = get_task(task)
    listing = output.with_suffix(".left-out.csv")
    for file in (output, listing):
        refuse_existing(file, force=force)
    check_writable(output)  # before an hour of work, not after
    kind = _kind(origin, output) if kind == "auto" else kind
    given: dict[str, object] = {"--map": meanings, "--skip": skipped, "--column": columns, "--images": images}
    _refuse_unfitting(origin, kind, given | {"--by-name": by_name, "--patient": patient})
    layout = Layout(parse_columns(asked, columns), delimiter, images, by_name)
    found = _cases(asked, origin, kind, parse_meanings(asked, meanings), layout, skipped, patient)
    found = _named(_without(found, (output, listing)), source or origin.resolve().stem, licence)
    relocated(found, output)  # so is this
    how = Examination(
        salt=stored_salt(salt_file) if salt_file else new_salt(),
        decode=not no_decode,
        modalities=() if any_modality else asked.modalities,
        dicom_only=kind == "dicom",
        pseudonymise=pseudonymise,
    )
    with progress("Opening images") as report:
        examined = examine(found, how, report)
    manifest = relocated(examined.manifest, output)
    if manifest.cases:
        write_manifest(manifest, output)
        click.echo(json.dumps(counts(manifest)) if as_json else counts_table(manifest))
        _tell_patients(manifest)
        _tell_leakage(manifest)
        click.echo(f"written: {output} ({len(manifest.cases)} images)", err=True)
    _tell_left_out(examined, listing)


def _delimiter(value: str) -> str:
    if value != "TAB" and len(value) != 1:
        raise click.BadParameter(f"found {value!r}, expected one character or TAB.")
    return "\t" if value == "TAB" else value


def _kind(origin: Path, output: Path) -> str:
    if origin.is_file():
        return "csv"
    own = origin / "manifest.csv"
    return "collection" if own.is_file() and not _same(own, output) else "folders"


def _same(file: Path, other: Path) -> bool:
    return os.path.abspath(file) == os.path.abspath(other)


_OF_KIND = {
    "--map": ("folders", "csv"),
    "--skip": ("folders",),
    "--column": ("csv",),
    "--images": ("csv",),
    "--by-name": ("csv",),
    "--patient": ("folders", "dicom"),
}
"""The options that mean something only for some kinds of origin."""


def _refuse_unfitting(origin: Path, kind: str, given: dict[str, object]) -> None:
    """Raise UsageError if the origin is not of its kind, or an option would have no effect."""
    if origin.is_file() != (kind == "csv"):
        raise click.UsageError(f"{origin} is a {'file' if origin.is_file() else 'folder'}, which --as {kind} is not.")
    for option, value in given.items():
        if value and kind not in _OF_KIND[option]:
            raise click.UsageError(f"{option} is for --as {' and '.join(_OF_KIND[option])}, and this is {kind}.")


def _cases(
    task: Task,
    origin: Path,
    kind: str,
    meanings: Mapping[str, Meaning],
    layout: Layout,
    skipped: tuple[str, ...],
    patient: str,
) -> Manifest:
    from radiolens.data.folders import class_folders, unlabelled_files
    from radiolens.data.sources import LAYOUTS
    from radiolens.data.table import table_cases

    if kind == "csv":
        return table_cases(origin, task, layout, meanings)
    if kind == "dicom":
        return unlabelled_files(origin, task, patient=patient)
    if kind == "collection":
        return LAYOUTS[task.name](origin)
    return class_folders(origin, task, meanings, skipped=skipped, patient=patient)


def _named(manifest: Manifest, source: str, licence: str) -> Manifest:
    """Return the manifest with source and licence where it states none."""
    cases = tuple(
        replace(case, source=case.source or source, licence=case.licence or licence) for case in manifest.cases
    )
    return replace(manifest, cases=cases)


def _without(manifest: Manifest, written: tuple[Path, ...]) -> Manifest:
    """Return the manifest without the files that this command writes, should they lie among the images."""
    cases = tuple(case for case in manifest.cases if not any(_same(manifest.path(case), file) for file in written))
    return replace(manifest, cases=cases)


def _tell_patients(manifest: Manifest) -> None:
    """Warn if patients cannot be kept apart: none is known, or all images of several series are one's."""
    patients = {case.patient_id for case in manifest.cases}
    groups = {case.duplicate_group for case in manifest.cases}
    if patients == {""}:
        click.echo(
            "warning: no image has a patient id, so a patient may stand in two splits unnoticed. If folders or names "
            "tell patients apart, say how (--patient); in a table, name the column (--column patient_id=NAME).",
            err=True,
        )
    elif len(patients) == 1 and len(groups) > 1:
        click.echo(
            f"warning: all images, in {len(groups)} series or groups, have one patient id, so no split can be cut. If "
            "the ids were blanked when the files were de-identified, tell patients apart by paths (--patient).",
            err=True,
        )


def _tell_leakage(manifest: Manifest) -> None:
    from radiolens.data.splits import check_no_leakage
    from radiolens.errors import PatientLeakage

    try:
        check_no_leakage(manifest.cases)
    except PatientLeakage as error:
        click.echo(f"warning: {error} Until then training refuses this manifest.", err=True)


def _tell_left_out(examined: Examined, listing: Path) -> None:
    import csv

    from radiolens.errors import DatasetError

    kept, left_out = len(examined.manifest.cases), len(examined.left_out)
    if not left_out and kept:
        listing.unlink(missing_ok=True)  # of an import before, which --force allows to write over
        return
    with listing.open("w", newline="", encoding="utf-8", errors="backslashreplace") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows([("path", "reason"), *((entry.path, entry.reason) for entry in examined.left_out)])
    for entry in examined.left_out[:5]:
        click.echo(f"left out: {entry.path!r}: {entry.reason}", err=True)
    told = f"{left_out} of {left_out + kept} files are left out, listed in {listing}."
    raise DatasetError(told if kept else f"None can be used, so there is no manifest: {told}")
