"""A bundle: everything a trained network needs to be used rightly, in one folder, with every file hashed.

<name>/<version>/bundle.json     names, labels, preprocessing, calibration, thresholds, hashes; its own
                                 SHA-256 is the identity
                 model.onnx      image (n, rows, columns, channels) -> logits (n, labels), features (n, h, w, c)
                 golden.npz      grey levels and the probabilities the stored network gave for them
                 reference.npz   the dense head, statistics of the training features, and the scores of calibration
                                 cases that prediction sets are made of
                 evidence/       evaluation and model card with hashes of their own, outside the identity

A network that does not end in global average pooling and one dense head has no output `features` and no head in
reference.npz; its `explanation` is an occlusion map.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from radiolens.errors import BundleError, CorruptBundle
from radiolens.imaging.preprocess import Fit, Preprocessing
from radiolens.prediction import BundleIdentity

__all__ = [
    "CLASS_ACTIVATION_MAP",
    "DOCUMENTS",
    "FORMAT",
    "GATE",
    "LITE0_BYTES",
    "LITE2_BYTES",
    "NETWORK_FILES",
    "OCCLUSION_MAP",
    "RELEASED",
    "SITE_BYTES",
    "Bundle",
    "InstalledBundle",
    "bundle_versions",
    "find_bundles",
    "read_bundle",
    "read_description",
    "read_preprocessing",
    "verify_evidence",
    "write_bundle",
    "write_description",
    "write_evidence_hashes",
]

FORMAT = 1
NETWORK_FILES = ("model.onnx", "golden.npz", "reference.npz")
GATE = "gate"
"""The name of the bundle that answers no task: it says what kind of picture is before it. Its bundle.json has fields of
its own (`radiolens.inference.gate_bundle`), its files are named and hashed as those of every bundle."""

RELEASED = Path(__file__).parent / "bundles"
"""Where the package keeps the released bundles."""

LITE0_BYTES = 12_000_000
"""What a bundle may take in all (docs/contracts.md): the repository keeps every released one for ever."""
LITE2_BYTES = 18_000_000
"""The same for the larger EfficientNet-Lite2."""

SITE_BYTES = 1_000_000_000
"""The same for a site's own bundle: twice a VGG16 with its dense layers, the largest network of the usual ones. No
larger bundle is opened."""

CLASS_ACTIVATION_MAP = "class-activation-map"
OCCLUSION_MAP = "occlusion-map"
"""What a bundle's `explanation` can be."""

_LARGEST_SIDE = 2048
"""Pixels of a network's input; a network that wants more takes minutes and gigabytes for one image."""

DOCUMENTS = 2
"""The version of the texts that are written from the figures: card, datasheet, checklist, report.

Texts of this version can be written again and compared; of those of another one only the hashes can be checked. 1 was
the card of radiolens 0.1.0 alone.
"""

_EVIDENCE_HASHES = "hashes.json"

_Described = TypeVar("_Described")


@dataclass(frozen=True)
class Bundle:
    """What bundle.json says. `temperature`, `bias` and `thresholds` are joined to `labels` by name.

    `labels` are in the order of the network's output, and may be some of the task's only. `threshold_evidence` says on
    what the thresholds were chosen. `provenance` tells sources, licences, versions. `calibrated` is false for a network
    that was made elsewhere: what it gives are scores from 0 to 1, no probabilities. `bias` is added to a logit once it
    is divided by the temperature; empty, it is 0. `coverage` is the share of cases whose prediction set shall hold the
    truth; 0 means that there are no sets. They do so in the mean of all draws of calibration cases, or with a
    `coverage_confidence` above 0 in so large a share of the draws. A field with a default is written only where it
    differs, so that a bundle keeps its identity when a field is added to the format.
    """

    name: str
    version: str
    task: str
    labels: tuple[str, ...]
    exclusive: bool
    preprocessing: Preprocessing
    temperature: Mapping[str, float]
    thresholds: Mapping[str, float]
    threshold_evidence: str
    limits: tuple[str, ...]
    explanation: str
    provenance: Mapping[str, object]
    calibrated: bool = True
    bias: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    coverage: float = 0.0
    coverage_confidence: float = 0.0


@dataclass(frozen=True)
class InstalledBundle:
    """A bundle on disk."""

    bundle: Bundle
    folder: Path
    sha256: str

    @property
    def identity(self) -> BundleIdentity:
        """Return what a prediction says of the bundle."""
        return BundleIdentity(self.bundle.name, self.bundle.version, self.sha256, self.bundle.calibrated)


def write_bundle(bundle: Bundle, folder: Path, largest_bytes: int = LITE0_BYTES) -> InstalledBundle:
    """Write bundle.json into a folder that already holds the network files, and return the verified bundle.

    Raises BundleError if a file is missing, the folder is larger than a bundle may be, or the values do not fit.
    """
    write_description(_as_json(bundle), folder, largest_bytes)
    return read_bundle(folder)


def write_description(content: Mapping[str, object], folder: Path, largest_bytes: int = LITE0_BYTES) -> None:
    """Write a bundle.json of JSON types into a folder that already holds the network files; it gets their hashes.

    Raises BundleError if a file is missing, or the folder is larger than a bundle may be.
    """
    missing = [name for name in NETWORK_FILES if not (folder / name).is_file()]
    if missing:
        raise BundleError(f"{folder}: {', '.join(missing)} must be there before bundle.json is written.")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    if size > largest_bytes:
        raise BundleError(
            f"{folder}: {size / 1e6:.1f} MB, at most {largest_bytes / 1e6:.0f} MB are allowed. Use a smaller network."
        )
    hashes = {name: _sha256(folder / name) for name in NETWORK_FILES}
    whole = {"format": FORMAT, **content, "files": hashes}
    partial = folder / "bundle.json.partial"
    partial.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial, folder / "bundle.json")


def read_bundle(folder: Path, *, verify: bool = True) -> InstalledBundle:
    """Read a bundle and, with `verify`, check the hash of every file.

    Raises as `read_description`.
    """
    bundle, sha256 = read_description(folder, _from_json, verify=verify)
    return InstalledBundle(bundle, folder, sha256)


def read_description(
    folder: Path, parse: Callable[[Mapping[str, Any]], _Described], *, verify: bool = True
) -> tuple[_Described, str]:
    """Return what `parse` makes of a bundle.json, and its SHA-256; with `verify`, check the hash of every file.

    `parse` gets the content without format and hashes, and raises KeyError, TypeError or ValueError for what is not as
    it should be. Raises CorruptBundle at the first file that differs, BundleError if bundle.json is missing or says
    other than this version of radiolens understands, or the bundle is larger than SITE_BYTES.
    """
    file = folder / "bundle.json"
    if not file.is_file():
        raise BundleError(f"{folder}: there is no bundle.json. Give the folder of one version of a bundle.")
    try:
        text = file.read_bytes()
        content = _typed(json.loads(text), dict, "the content")
        if content.pop("format") != FORMAT:
            raise BundleError(f"{file}: made for another version of radiolens. Install a newer radiolens.")
        hashes = _typed(content.pop("files"), dict, "files")
        described = parse(content)
    except (KeyError, OSError, RecursionError, TypeError, ValueError) as error:
        raise BundleError(f"{file}: not a bundle of format {FORMAT} ({error}). Install the bundle again.") from error
    if verify:
        _check_size(folder)
        _verify(folder, {name: hashes.get(name, "no hash") for name in NETWORK_FILES})
    return described, hashlib.sha256(text).hexdigest()


def bundle_versions(folders: Iterable[Path]) -> Mapping[str, tuple[Path, ...]]:
    """Return the folders of each bundle by name: newest version first; of equal ones that of the later folder first."""
    found: dict[str, list[Path]] = {}
    for place in (file.parent for folder in folders for file in sorted(folder.glob("*/*/bundle.json"))):
        found.setdefault(place.parent.name, []).insert(0, place)  # sorting keeps the later ones before their equals
    return MappingProxyType(
        {name: tuple(sorted(places, key=_version_key, reverse=True)) for name, places in found.items()}
    )


def find_bundles(folders: Iterable[Path]) -> Mapping[str, Path]:
    """Return the folder of each bundle of a task by name: its newest version; of equal ones that of the later folder.

    The gate, which answers none, is not among them.
    """
    return MappingProxyType({name: places[0] for name, places in bundle_versions(folders).items() if name != GATE})


def write_evidence_hashes(folder: Path, evidence: Path | None = None, *, besides: Path | None = None) -> None:
    """Write the hash list of a bundle's evidence; it binds each file and the identity it speaks of.

    `evidence` is the folder that holds it, by default the bundle's own; what lies in the folder `besides` is not
    evidence and not listed. While it is there, the evidence does not verify.
    """
    place = folder / "evidence" if evidence is None else evidence
    files = dict(_hashes(place, besides))
    content = {"bundle": _sha256(folder / "bundle.json"), "documents": DOCUMENTS, "files": files}
    partial = place / (_EVIDENCE_HASHES + ".partial")
    partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, place / _EVIDENCE_HASHES)


def verify_evidence(folder: Path, evidence: Path | None = None) -> int:
    """Check the hashes of a bundle's evidence, and return the version of the documents in it (see DOCUMENTS).

    Raises CorruptBundle if the evidence is of another bundle, or a file of it was changed, added or removed;
    BundleError without a list of hashes.
    """
    place = folder / "evidence" if evidence is None else evidence
    listing = place / _EVIDENCE_HASHES
    try:
        content = _typed(json.loads(listing.read_text(encoding="utf-8")), dict, "the content")
        bundle, expected = str(content["bundle"]), _typed(content["files"], dict, "files")
        documents: int = _typed(content.get("documents", 1), int, "documents")
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{listing}: no list of hashes ({error}). Install the bundle again.") from error
    found = _sha256(folder / "bundle.json")
    if bundle != found:
        raise CorruptBundle(f"{place} belongs to another bundle", bundle, found)
    added = sorted(dict(_hashes(place)).keys() - expected.keys())
    if added:
        raise CorruptBundle(f"{place} holds files that are not listed", "none", ", ".join(added))
    _verify(place, expected)
    return documents


def _hashes(folder: Path, besides: Path | None = None) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.rglob("*")):
        if besides in file.parents or file.name.startswith(_EVIDENCE_HASHES):  # the partial one, too
            continue
        if file.is_file():
            yield file.relative_to(folder).as_posix(), _sha256(file)


def _verify(folder: Path, hashes: Mapping[str, str]) -> None:
    for name, expected in hashes.items():
        file = folder / name
        found = _sha256(file) if file.is_file() else "no file"
        if found != expected:
            raise CorruptBundle(f"{file} has another SHA-256", expected, found)


def _check_size(folder: Path) -> None:
    """Raise BundleError before gigabytes are hashed and opened."""
    size = sum(file.stat().st_size for file in (folder / name for name in NETWORK_FILES) if file.is_file())
    if size > SITE_BYTES:
        raise BundleError(f"{folder}: {size / 1e6:.0f} MB, at most {SITE_BYTES / 1e6:.0f} MB are opened. Remove it.")


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _version_key(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else -1 for part in folder.name.split("."))


_OPTIONAL: Mapping[str, object] = MappingProxyType(
    {
        **{entry.name: entry.default for entry in fields(Bundle) if entry.default is not MISSING},
        **{entry.name: entry.default_factory() for entry in fields(Bundle) if entry.default_factory is not MISSING},
    }
)


def _as_json(bundle: Bundle) -> dict[str, object]:
    values = {entry.name: getattr(bundle, entry.name) for entry in fields(Bundle)}
    values = {key: value for key, value in values.items() if key not in _OPTIONAL or value != _OPTIONAL[key]}
    plain = {key: dict(value) for key, value in values.items() if isinstance(value, Mapping)}
    return values | plain | {"preprocessing": asdict(bundle.preprocessing)}


def _from_json(content: Mapping[str, Any]) -> Bundle:
    """Return the bundle; raise KeyError, TypeError or ValueError for anything that is not as declared there."""
    _check_keys(content, Bundle, "it")
    labels = _texts(content["labels"], "labels")
    if not labels or len(set(labels)) != len(labels):
        raise ValueError(f"labels must be different names, found {list(labels)}")
    texts = ("name", "version", "task", "threshold_evidence")
    exclusive = _typed(content["exclusive"], bool, "exclusive")
    if exclusive and len(labels) < 2:
        raise ValueError(f"exclusive labels must be at least two, found {list(labels)}")
    return Bundle(
        **{key: _typed(content[key], str, key) for key in texts},
        labels=labels,
        exclusive=exclusive,
        preprocessing=read_preprocessing(_typed(content["preprocessing"], dict, "preprocessing")),
        temperature=_positive(_by_label(content["temperature"], labels, "temperature"), "temperature"),
        thresholds=_by_label(content["thresholds"], labels, "thresholds"),
        limits=_texts(content["limits"], "limits"),
        explanation=_one_of((CLASS_ACTIVATION_MAP, OCCLUSION_MAP), content["explanation"], "explanation"),
        provenance=_typed(content["provenance"], dict, "provenance"),
        calibrated=_typed(content.get("calibrated", True), bool, "calibrated"),
        bias=_by_label(content["bias"], labels, "bias") if "bias" in content else MappingProxyType({}),
        coverage=_share(content.get("coverage", 0.0), "coverage"),
        coverage_confidence=_share(content.get("coverage_confidence", 0.0), "coverage_confidence"),
    )


def read_preprocessing(content: Mapping[str, Any]) -> Preprocessing:
    """Return the preprocessing of a bundle.json; raise KeyError, TypeError or ValueError for what is none."""
    _check_keys(content, Preprocessing, "preprocessing")
    counts = {key: _typed(content[key], int, key) for key in ("rows", "columns", "channels")}
    if min(counts.values()) < 1:
        raise ValueError(f"rows, columns and channels must be at least 1, found {list(counts.values())}")
    if max(counts["rows"], counts["columns"]) > _LARGEST_SIDE or counts["channels"] not in (1, 3):
        raise ValueError(
            f"rows and columns may be {_LARGEST_SIDE} at most and channels 1 or 3, found {list(counts.values())}"
        )
    return Preprocessing(
        **counts,
        fit=Fit(content["fit"]),
        percentiles=_pair(content["percentiles"], "percentiles"),
        window_hu=_pair(content["window_hu"], "window_hu"),
        offset=_number(content["offset"], "offset"),
        scale=_positive({"scale": _number(content["scale"], "scale")}, "scale")["scale"],
    )


def _check_keys(content: Mapping[str, Any], kind: type[Bundle | Preprocessing], name: str) -> None:
    known = {entry.name for entry in fields(kind)}
    optional = _OPTIONAL.keys() if kind is Bundle else set()
    missing, unknown = sorted(known - optional - content.keys()), sorted(content.keys() - known)
    if missing or unknown:
        raise ValueError(f"{name} lacks {missing or 'nothing'} and has the unknown {unknown or 'nothing'}")


def _by_label(content: object, labels: tuple[str, ...], name: str) -> Mapping[str, float]:
    numbers = {str(label): _number(value, name) for label, value in _typed(content, dict, name).items()}
    if numbers.keys() != set(labels):
        raise ValueError(f"{name} must name the labels {', '.join(labels)}")
    return {label: numbers[label] for label in labels}


def _positive(numbers: Mapping[str, float], name: str) -> Mapping[str, float]:
    if min(numbers.values()) <= 0:
        raise ValueError(f"{name} must be above 0, found {min(numbers.values())}")
    return numbers


def _typed(value: object, kind: type, name: str) -> Any:  # noqa: ANN401  JSON of the given kind
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{name} must be {kind.__name__}, found {type(value).__name__}")
    return value


def _one_of(known: tuple[str, ...], value: object, name: str) -> str:
    if value not in known:
        raise ValueError(f"{name} must be {' or '.join(known)}, found {value!r:.40}")
    return str(value)


def _texts(value: object, name: str) -> tuple[str, ...]:
    return tuple(_typed(entry, str, name) for entry in _typed(value, list, name))


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"{name} must be a number, found {value!r:.40}")
    return float(value)


def _share(value: object, name: str) -> float:
    number = _number(value, name)
    if not 0.0 <= number < 1.0:
        raise ValueError(f"{name} must be at least 0 and below 1, found {number:g}")
    return number


def _pair(value: object, name: str) -> tuple[float, float]:
    first, second = (_number(entry, name) for entry in _typed(value, list, name))
    return first, second
