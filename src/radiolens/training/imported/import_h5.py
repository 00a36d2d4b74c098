"""Other people's Keras networks: from a file nobody trusts to a bundle of this site.

The file is copied and hashed; looked at in the sandbox with h5py and JSON alone (`keras_file.py`); built anew from the
layers found, in a process of limited memory, time and files (`import_child.py`); and what the resulting bundle answers
is compared with what Keras answers. No class, function or setting of the file is run, and this process opens nothing
of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiolens import __version__
from radiolens.bundle import (
    CLASS_ACTIVATION_MAP,
    OCCLUSION_MAP,
    SITE_BYTES,
    Bundle,
    InstalledBundle,
    write_bundle,
)
from radiolens.errors import BundleError
from radiolens.imaging.preprocess import Preprocessing, grey_levels
from radiolens.imaging.untrusted import read_untrusted
from radiolens.inference.engine import Engine
from radiolens.task import Task
from radiolens.tasks import get_task
from radiolens.training.bundle_name import check_name
from radiolens.training.golden import golden_pictures, write_golden
from radiolens.training.imported.import_process import CPU_SECONDS, STAGES, Progress, inspected, memory_bytes, run_child
from radiolens.training.imported.keras_config import INPUT
from radiolens.training.imported.keras_file import StoredLayer

__all__ = [
    "KNOWN_FILES",
    "LARGEST_DIFFERENCE",
    "Imported",
    "Scale",
    "Wanted",
    "import_network",
    "known_files",
    "scaled_by_colour",
]

_FILE_BYTES = 2_000_000_000
"""Of the file: the largest network that is imported, with the two moments of its optimizer."""
LARGEST_DIFFERENCE = 1e-4
"""Of a probability, between Keras and the bundle: other orders of float32 sums make a tenth of it."""

_STALE_SECONDS = 24 * 3600  # what a killed import leaves is removed by one that comes a day later

_FIRST_LAYER = "scaled_by_colour"

_NO_LABEL = ("-", "normal", "negative", "healthy")
"""Names of outputs that are no label of a task of independent findings."""
_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "no_tumor": "no_tumour",
        "notumor": "no_tumour",
        "no_tumour": "no_tumour",
        "tumor": "tumour",
        "hemorrhage": "haemorrhage",
    }
)


class Scale(StrEnum):
    """What the network expects black and white to be."""

    ZERO_TO_ONE = "zero-to-one"
    MINUS_ONE_TO_ONE = "minus-one-to-one"
    ZERO_TO_255 = "zero-to-255"
    IMAGENET_MEAN = "imagenet-mean"
    """0 to 255 less the mean of each colour, blue first: `preprocess_input` of VGG and ResNet."""
    IMAGENET_STANDARD = "imagenet-standard"
    """Less the mean and divided by the spread of each colour: `preprocess_input` of DenseNet."""


_OFFSET_AND_SCALE: Mapping[Scale, tuple[float, float]] = MappingProxyType(
    {Scale.ZERO_TO_ONE: (0.0, 255.0), Scale.MINUS_ONE_TO_ONE: (127.5, 127.5)}
)
"""Others take grey levels as they are."""

_BY_COLOUR: Mapping[Scale, tuple[tuple[float, ...], tuple[float, ...]]] = MappingProxyType(
    {
        Scale.IMAGENET_MEAN: ((103.939, 116.779, 123.68), (1.0, 1.0, 1.0)),
        Scale.IMAGENET_STANDARD: (
            (0.485 * 255, 0.456 * 255, 0.406 * 255),
            (0.229 * 255, 0.224 * 255, 0.225 * 255),
        ),
    }
)
"""Mean and spread of each colour, as keras.applications.imagenet_utils has them; they become a first layer."""


@dataclass(frozen=True)
class Wanted:
    """What a file shall become: a bundle of `name` and `version` (default: the file's stem, 1.0.0) for a task.

    `labels` names the network's outputs in its own order; "-" or "normal" stands for one that is no label.
    """

    task: str
    labels: tuple[str, ...]
    name: str = ""
    version: str = "1.0.0"
    scale: Scale = Scale.ZERO_TO_ONE


KNOWN_FILES: Mapping[str, Wanted] = MappingProxyType(
    {
        "braintumor.h5": Wanted("brain-mri", ("glioma", "meningioma", "no_tumour", "pituitary")),
        "Tuberculosis_model.h5": Wanted("chest-xray", ("tuberculosis",)),
        "pneumonia_model.h5": Wanted("chest-xray", ("pneumonia",)),
    }
)
"""The files of this project's first design, which need no further word."""


@dataclass(frozen=True)
class Imported:
    """An imported bundle, how far its probabilities are from Keras's at most, and whether it was there before."""

    installed: InstalledBundle
    largest_difference: float
    already_there: bool = False


def known_files(folder: Path) -> list[Path]:
    """Return the files of the first design that lie in a folder."""
    return [folder / name for name in KNOWN_FILES if (folder / name).is_file()]


def import_network(
    file: Path,
    bundles: Path,
    wanted: Wanted,
    pictures: Sequence[Path] = (),
    progress: Progress = lambda stage, done, total: None,
) -> Imported:
    """Make a bundle of a Keras file below `bundles`/<name>/<version> and return it.

    Compared with Keras on generated pictures, and on the image files `pictures`. The same file again is no error.
    Raises BundleError, which names the file, for a file that is refused, a bundle of this version that is there
    already, or answers that differ; UnknownTask; UnreadableImage for a picture.
    """
    outputs = _outputs(get_task(wanted.task), wanted.labels)
    name = wanted.name or file.stem
    check_name(name, wanted.version)
    place = bundles / name / wanted.version
    working = bundles.parent / "importing"
    working.mkdir(parents=True, exist_ok=True)
    _remove_stale(working)
    with tempfile.TemporaryDirectory(dir=working) as folder:
        try:
            copy = Path(folder) / "source"
            sha256 = _copy(file, copy)
            request = _Request(file.name, sha256, replace(wanted, name=name), outputs)
            if place.exists():
                return _already_there(place, request)
            return _import(copy, request, place, pictures, progress)
        except BundleError as error:
            raise BundleError(f"{file}: {error}") from error


@dataclass(frozen=True)
class _Request:
    """A file under its own name, and what it shall become; None in `outputs` is one that is no label."""

    file_name: str
    sha256: str
    wanted: Wanted
    outputs: tuple[str | None, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(name for name in self.outputs if name is not None)

    def meaning(self) -> dict[str, object]:
        """Return for a bundle's provenance what was said of the network's outputs and input, as JSON has it."""
        return {"outputs": [name or "-" for name in self.outputs], "scale": str(self.wanted.scale)}


def _import(copy: Path, request: _Request, place: Path, pictures: Sequence[Path], progress: Progress) -> Imported:
    facts = scaled_by_colour(inspected(copy), request.wanted.scale)
    rows, columns, channels = facts["shape"]
    offset, scale = _OFFSET_AND_SCALE.get(request.wanted.scale, (0.0, 1.0))
    preprocessing = Preprocessing(rows, columns, channels, offset=offset, scale=scale)
    grey = np.concatenate([_generated(rows, columns), *(_read(path, preprocessing) for path in pictures)])
    folder = copy.parent
    memory = _asked(facts, request, preprocessing, grey, folder)
    told = run_child("radiolens.training.imported.import_child", folder, memory, progress)
    bundle = _bundle(request, facts, told, preprocessing)
    network = folder / "bundle"
    network.mkdir()
    for name in ("model.onnx", "reference.npz", "network.keras"):
        os.replace(folder / name, network / name)
    write_golden(bundle, network, SITE_BYTES)
    progress(STAGES[-1], len(STAGES) - 1, len(STAGES))
    write_bundle(bundle, network, SITE_BYTES)
    difference = _difference(Engine.open(network), grey, folder / "answers.npy")
    provenance = {
        **bundle.provenance,
        "parity": {
            "largest_difference": float(f"{difference:.2g}"),
            "pictures": len(grey),
            "of_them_given": len(pictures),
        },
        "network.keras": _sha256(network / "network.keras"),
    }
    write_bundle(replace(bundle, provenance=provenance), network, SITE_BYTES)
    place.parent.mkdir(parents=True, exist_ok=True)
    os.replace(network, place)
    progress(STAGES[-1], len(STAGES), len(STAGES))
    return Imported(Engine.open(place).installed, difference)


def scaled_by_colour(facts: Mapping[str, Any], scale: Scale) -> Mapping[str, Any]:
    """Return a network (`facts` of `inspect_file`) with a first layer that scales each colour, if the scale is such.

    Raises BundleError for a network of one colour.
    """
    if scale not in _BY_COLOUR:
        return facts
    mean, spread = _BY_COLOUR[scale]
    if facts["shape"][2] != len(mean):
        raise BundleError(
            f"It takes {facts['shape'][2]} colour, but the scale {scale} is for three. Give another --scale."
        )
    arguments = {
        "scale": [1.0 / entry for entry in spread],
        "offset": [-centre / entry for centre, entry in zip(mean, spread, strict=True)],
    }
    first = StoredLayer("Rescaling", _FIRST_LAYER, arguments, (INPUT,), (), ())
    layers = [
        {**layer, "inputs": [_FIRST_LAYER if name == INPUT else name for name in layer["inputs"]]}
        for layer in facts["layers"]
    ]
    return {**facts, "layers": [asdict(first), *layers]}


def _outputs(task: Task, labels: Sequence[str]) -> tuple[str | None, ...]:
    """Return the task's names of the outputs, None for one that is no label."""
    plain = [label.strip().lower().replace(" ", "_") for label in labels]
    known = [_ALIASES.get(label, label) for label in plain]
    outputs = tuple(
        None if label in _NO_LABEL and label not in task.label_names and not task.exclusive else label
        for label in known
    )
    strange = [given for given, label in zip(labels, outputs, strict=True) if label not in (None, *task.label_names)]
    named = [label for label in outputs if label is not None]
    if strange or not named or len(set(named)) < len(named):
        raise BundleError(
            f"The labels {', '.join(labels) or 'none'} do not fit {task.name}, whose labels are "
            f"{', '.join(task.label_names)}. Name each output of the network with one of them"
            f"{'' if task.exclusive else ', or - for one that is none of them'}, in the network's order."
        )
    return outputs


def _copy(file: Path, copy: Path) -> str:
    """Copy a file, so that it cannot change between two looks at it, and return its SHA-256."""
    try:
        if not file.is_file():
            raise BundleError("There is no such file. Give the path of a .h5 or .keras file.")
        if file.stat().st_size > _FILE_BYTES:
            raise BundleError(
                f"It has {file.stat().st_size / 1e9:.1f} GB, at most {_FILE_BYTES / 1e9:.0f} GB are read. "
                "Save it without the optimizer (include_optimizer=False), or use a smaller network."
            )
        shutil.copyfile(file, copy)
    except OSError as error:
        raise BundleError(f"It cannot be read ({os.strerror(error.errno or 0)}). Check the path.") from error
    return _sha256(copy)


def _already_there(place: Path, request: _Request) -> Imported:
    installed = Engine.open(place).installed
    bundle, provenance = installed.bundle, installed.bundle.provenance
    if provenance.get("sha256") != request.sha256:
        raise BundleError(
            f"{place} holds another network already. A bundle is never changed: give another --version or --name."
        )
    asked = {**request.meaning(), "task": request.wanted.task, "labels": request.labels}
    there = {name: provenance.get(name, value) for name, value in request.meaning().items()}
    there |= {"task": bundle.task, "labels": bundle.labels}
    differing = [name for name, value in asked.items() if there[name] != value]
    if differing:
        raise BundleError(
            f"{place} holds this network with other {', '.join(differing)}: it answers {', '.join(bundle.labels)} of "
            f"{bundle.task}. A bundle is never changed: give another --version, or remove the folder first."
        )
    parity = provenance.get("parity")
    difference = parity.get("largest_difference", 0.0) if isinstance(parity, dict) else 0.0
    return Imported(installed, float(difference), already_there=True)


def _generated(rows: int, columns: int) -> NDArray[np.uint8]:
    """Return 8 generated pictures (8, rows, columns): smooth and noisy ones, dark, bright, and of little contrast."""
    smooth, noise = golden_pictures(rows, columns)
    halves = np.where(np.arange(columns) < columns // 2, noise, smooth)
    softer = [(picture // 4 + level).astype(np.uint8) for picture in (smooth, noise) for level in (16, 160)]
    return np.stack([smooth, noise, halves.astype(np.uint8), *softer, np.zeros_like(noise)])


def _read(path: Path, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    image = read_untrusted([path.read_bytes()])
    return grey_levels(image.pixels[len(image.pixels) // 2], image.unit, preprocessing)[np.newaxis]


def _asked(
    facts: Mapping[str, Any], request: _Request, preprocessing: Preprocessing, grey: NDArray[np.uint8], folder: Path
) -> int:
    """Write what the child needs to know, and return the bytes of address space it may take."""
    weights = sum(int(np.prod(shape, dtype=object)) for layer in facts["layers"] for shape in layer["shapes"])
    memory = memory_bytes(weights)
    content = {
        "facts": facts,
        "outputs": request.outputs,
        "exclusive": get_task(request.wanted.task).exclusive,
        "preprocessing": asdict(preprocessing),
        "limits": {"memory_bytes": memory, "cpu_seconds": CPU_SECONDS, "file_bytes": SITE_BYTES},
    }
    (folder / "request.json").write_text(json.dumps(content), encoding="utf-8")
    np.save(folder / "pictures.npy", grey)
    return memory


def _bundle(
    request: _Request, facts: Mapping[str, Any], told: Mapping[str, Any], preprocessing: Preprocessing
) -> Bundle:
    task, wanted = get_task(request.wanted.task), request.wanted
    return Bundle(
        name=wanted.name,
        version=wanted.version,
        task=task.name,
        labels=request.labels,
        exclusive=task.exclusive,
        preprocessing=preprocessing,
        temperature=dict.fromkeys(request.labels, 1.0),
        thresholds=dict.fromkeys(request.labels, 0.5),
        threshold_evidence="not calibrated: 0.5",
        limits=_limits(request.labels, told["ending"]),
        explanation=CLASS_ACTIVATION_MAP if told["features"] else OCCLUSION_MAP,
        provenance={
            "file": request.file_name,
            "sha256": request.sha256,
            **request.meaning(),
            "format": facts["format"],
            "keras_version": facts["keras_version"],
            "imported": datetime.now(UTC).date().isoformat(),
            "radiolens": __version__,
            "outputs": [name or "-" for name in request.outputs],
            "ending": told["ending"],
            "weights": told["weights"],
            "scale": str(wanted.scale),
            "left_out": facts["left_out"],
        },
        calibrated=False,
    )


def _limits(labels: Sequence[str], ending: str) -> tuple[str, ...]:
    limits = [
        f"Only {', '.join(labels)} can be answered; everything else is missed.",
        "On which images it was trained, and what it was judged on, radiolens does not know.",
        "A volume is answered by the mean over its slices, for which the network may not be made.",
    ]
    if ending == "logits":
        limits.append("It ends without softmax or sigmoid; its outputs are taken for logits.")
    return tuple(limits)


def _difference(engine: Engine, grey: NDArray[np.uint8], answers: Path) -> float:
    """Return how far the bundle's probabilities are from Keras's at most; raise BundleError if too far."""
    expected = np.load(answers, allow_pickle=False)
    found = engine.probabilities(engine.logits(grey))
    difference = float(np.abs(found - expected).max()) if found.shape == expected.shape else float("inf")
    if not difference <= LARGEST_DIFFERENCE:  # so written, NaN is refused as well
        raise BundleError(
            f"The imported network differs from Keras by {difference:.2g} in a probability, at most "
            f"{LARGEST_DIFFERENCE:g} is allowed. A weight of it is no number, or a layer of it is not imported right: "
            "please report it."
        )
    return difference


def _remove_stale(working: Path) -> None:
    for entry in working.iterdir():
        if entry.is_dir() and time.time() - entry.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(entry, ignore_errors=True)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
