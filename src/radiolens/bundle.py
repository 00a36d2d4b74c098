"""A bundle: everything a trained network needs to be used rightly, in one folder, with every file hashed.

<name>/<version>/bundle.json     names, labels, preprocessing, calibration, thresholds, hashes; its own
                                 SHA-256 is the identity
                 model.onnx      image (n, rows, columns, channels) -> logits (n, labels), features (n, h, w, c)
                 golden.npz      grey levels and the probabilities the stored network gave for them
                 reference.npz   the dense head, and statistics of the training features
                 evidence/       evaluation and model card with hashes of their own, outside the identity
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

from radiolens.errors import BundleError, CorruptBundle
from radiolens.imaging.preprocess import Fit, Preprocessing
from radiolens.prediction import BundleIdentity

__all__ = [
    "FORMAT",
    "NETWORK_FILES",
    "RELEASED",
    "Bundle",
    "InstalledBundle",
    "find_bundles",
    "read_bundle",
    "verify_evidence",
    "write_bundle",
    "write_evidence_hashes",
]

FORMAT = 1
NETWORK_FILES = ("model.onnx", "golden.npz", "reference.npz")
RELEASED = Path(__file__).parent / "bundles"
"""Where the package keeps the released bundles."""

_LARGEST_BYTES = 18_000_000  # docs/contracts.md: Lite2; the smaller Lite0 is held to 12 MB by a test
_EVIDENCE_HASHES = "hashes.json"


@dataclass(frozen=True)
class Bundle:
    """What bundle.json says. `temperature` and `thresholds` are joined to `labels` by name.

    `threshold_evidence` says on what the thresholds were chosen. `provenance` tells sources, licences, versions.
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


@dataclass(frozen=True)
class InstalledBundle:
    """A verified bundle on disk."""

    bundle: Bundle
    folder: Path
    sha256: str

    @property
    def identity(self) -> BundleIdentity:
        """Return what a prediction says of the bundle."""
        return BundleIdentity(self.bundle.name, self.bundle.version, self.sha256)


def write_bundle(bundle: Bundle, folder: Path) -> InstalledBundle:
    """Write bundle.json into a folder that already holds the network files, and return the verified bundle.

    Raises BundleError if a file is missing, or the folder is larger than a bundle may be.
    """
    missing = [name for name in NETWORK_FILES if not (folder / name).is_file()]
    if missing:
        raise BundleError(f"{folder}: {', '.join(missing)} must be there before bundle.json is written.")
    size = sum((folder / name).stat().st_size for name in NETWORK_FILES)
    if size > _LARGEST_BYTES:
        raise BundleError(f"{folder}: {size / 1e6:.1f} MB, at most {_LARGEST_BYTES / 1e6:.0f} MB are allowed.")
    hashes = {name: _sha256(folder / name) for name in NETWORK_FILES}
    content = {"format": FORMAT, **_as_json(bundle), "files": hashes}
    partial = folder / "bundle.json.partial"
    partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial, folder / "bundle.json")
    return read_bundle(folder)


def read_bundle(folder: Path) -> InstalledBundle:
    """Read a bundle and check the hash of every file; raise CorruptBundle at the first difference."""
    file = folder / "bundle.json"
    if not file.is_file():
        raise BundleError(f"{folder}: there is no bundle.json. Give the folder of one version of a bundle.")
    text = file.read_bytes()
    try:
        content = json.loads(text)
        if content.pop("format") != FORMAT:
            raise BundleError(f"{file}: made for another version of radiolens. Install a newer radiolens.")
        hashes = content.pop("files")
        bundle = _from_json(content)
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{file}: not a bundle of format {FORMAT} ({error}). Install the bundle again.") from error
    _verify(folder, {name: hashes.get(name, "no hash") for name in NETWORK_FILES})
    return InstalledBundle(bundle, folder, hashlib.sha256(text).hexdigest())


def find_bundles(folders: Iterable[Path]) -> Mapping[str, Path]:
    """Return the folder of the newest version of each bundle by name; later folders win over earlier ones."""
    found: dict[str, Path] = {}
    for folder in folders:
        for name in sorted(path for path in folder.glob("*") if path.is_dir()):
            versions = sorted((path.parent for path in name.glob("*/bundle.json")), key=_version_key)
            if versions:
                found[name.name] = versions[-1]
    return MappingProxyType(found)


def write_evidence_hashes(folder: Path) -> None:
    """Write the hash list of a bundle's evidence; it binds each file and the identity it speaks of."""
    evidence = folder / "evidence"
    content = {"bundle": _sha256(folder / "bundle.json"), "files": dict(_hashes(evidence))}
    (evidence / _EVIDENCE_HASHES).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def verify_evidence(folder: Path) -> None:
    """Raise CorruptBundle if a file of the evidence was changed, or belongs to another bundle."""
    evidence = folder / "evidence"
    content = json.loads((evidence / _EVIDENCE_HASHES).read_text(encoding="utf-8"))
    found = _sha256(folder / "bundle.json")
    if content["bundle"] != found:
        raise CorruptBundle(f"{evidence} belongs to another bundle", content["bundle"], found)
    _verify(evidence, content["files"])


def _hashes(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.name != _EVIDENCE_HASHES:
            yield file.relative_to(folder).as_posix(), _sha256(file)


def _verify(folder: Path, hashes: Mapping[str, str]) -> None:
    for name, expected in hashes.items():
        file = folder / name
        found = _sha256(file) if file.is_file() else "no file"
        if found != expected:
            raise CorruptBundle(f"{file} has another SHA-256", expected, found)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _version_key(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else -1 for part in folder.name.split("."))


def _as_json(bundle: Bundle) -> dict[str, object]:
    mappings = ("temperature", "thresholds", "provenance")
    plain = {key: dict(getattr(bundle, key)) for key in mappings}
    fields = {key: getattr(bundle, key) for key in Bundle.__dataclass_fields__}
    return fields | plain | {"preprocessing": asdict(bundle.preprocessing)}


def _from_json(content: Mapping[str, object]) -> Bundle:
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}
    preprocessing = values.pop("preprocessing")
    if not isinstance(preprocessing, dict):
        raise TypeError("preprocessing must be an object")
    steps = {key: tuple(value) if isinstance(value, list) else value for key, value in preprocessing.items()}
    steps["fit"] = Fit(str(steps["fit"]))
    bundle = Bundle(preprocessing=Preprocessing(**steps), **values)  # type: ignore[arg-type]  # checked next
    _check_joined(bundle)
    return bundle


def _check_joined(bundle: Bundle) -> None:
    for name in ("temperature", "thresholds"):
        if set(getattr(bundle, name)) != set(bundle.labels):
            raise ValueError(f"{name} must name the labels {', '.join(bundle.labels)}")
