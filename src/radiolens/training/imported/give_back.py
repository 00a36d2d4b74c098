"""A network as a file that other programs open: of an imported bundle, of a run, or of any bundle as ONNX."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path

import onnx

from radiolens.bundle import SITE_BYTES, InstalledBundle
from radiolens.errors import BundleError, CorruptBundle
from radiolens.inference.engine import Engine
from radiolens.training.imported.import_process import CPU_SECONDS, inspected, memory_bytes, run_child

__all__ = ["NETWORK", "FileFormat", "give_back"]

NETWORK = "network.keras"
"""The Keras network beside an imported bundle's files, and in the folder of a run."""


class FileFormat(StrEnum):
    """What other programs open."""

    H5 = "h5"
    """HDF5 that Keras 2 (tf-keras) and Keras 3 open."""
    KERAS = "keras"
    """The archive of Keras 3."""
    ONNX = "onnx"
    """The network of a bundle: normalised grey levels to logits; labels and preprocessing in its metadata."""


def give_back(source: Path, file_format: FileFormat, file: Path) -> Path:
    """Write the network of `source` (the folder of a bundle or a run, or a `.keras` file) to the new `file`; return it.

    Raises BundleError if the file exists, has another ending, or the source holds no network of that format; and
    CorruptBundle if a bundle's files are not those it was made of.
    """
    if file.suffix != f".{file_format}":
        raise BundleError(f"{file}: a file of this format is called *.{file_format}. Give another name.")
    if file.exists():
        raise BundleError(f"{file} exists already. Give another name, or remove it.")
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.") as folder:
        partial = Path(folder) / f"network.{file_format}"
        if file_format is FileFormat.ONNX:
            _write_onnx(_bundle(source), partial)
        else:
            shutil.copyfile(_network(source), Path(folder) / "source")
            _write_keras(Path(folder), file_format)
        os.replace(partial, file)
    return file


def _bundle(source: Path) -> InstalledBundle:
    if not (source / "bundle.json").is_file():
        raise BundleError(
            f"{source} is no bundle. Make one of the run with `radiolens export`, then give it back as ONNX."
        )
    return Engine.open(source).installed


def _network(source: Path) -> Path:
    """Return the Keras archive of a bundle, a run or a file; a bundle's is checked against the hash it states."""
    network = source / NETWORK if source.is_dir() else source
    if not network.is_file():
        raise BundleError(
            f"{source} holds no {NETWORK}: bundles that were trained here are given back from the folder of their run, "
            "or as onnx."
        )
    if (source / "bundle.json").is_file():
        stated = str(_bundle(source).bundle.provenance.get(NETWORK, "no hash"))
        with network.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if stated != found:
            raise CorruptBundle(f"{network} has another SHA-256", stated, found)
    return network


def _write_keras(folder: Path, file_format: FileFormat) -> None:
    """Write `network.keras` or `network.h5` from `source`, which is looked at before, as every Keras file is."""
    try:
        facts = inspected(folder / "source")
        if file_format is FileFormat.KERAS:
            shutil.copyfile(folder / "source", folder / NETWORK)
            return
        memory = memory_bytes(0)
        limits = {"memory_bytes": memory, "cpu_seconds": CPU_SECONDS, "file_bytes": SITE_BYTES}
        (folder / "request.json").write_text(json.dumps({"facts": facts, "limits": limits}), encoding="utf-8")
        run_child("radiolens.training.imported.export_child", folder, memory, lambda stage, done, total: None)
    except BundleError as error:
        raise BundleError(f"The network cannot be written as .{file_format}. {error}") from error


def _write_onnx(installed: InstalledBundle, file: Path) -> None:
    """Copy a bundle's network and append what is needed to use it; messages of Protocol Buffers may be joined so."""
    bundle = installed.bundle
    told = {
        "bundle": f"{bundle.name} {bundle.version} {installed.sha256}",
        "task": bundle.task,
        "labels": json.dumps(bundle.labels),
        "link": "softmax" if bundle.exclusive else "sigmoid",
        "temperature": json.dumps(dict(bundle.temperature)),
        "bias": json.dumps({label: bundle.bias.get(label, 0.0) for label in bundle.labels}),
        "thresholds": json.dumps(dict(bundle.thresholds)),
        "preprocessing": json.dumps(asdict(bundle.preprocessing)),
    }
    shutil.copyfile(installed.folder / "model.onnx", file)
    metadata = [onnx.StringStringEntryProto(key=key, value=value) for key, value in told.items()]
    with file.open("ab") as stream:
        stream.write(onnx.ModelProto(metadata_props=metadata).SerializeToString())
