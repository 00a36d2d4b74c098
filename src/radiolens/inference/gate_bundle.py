"""What the bundle of the gate network says: its files lie and are hashed as those of every bundle (`radiolens.bundle`).

reference.npz holds `projection` (channels, d) and `offset` (d), which bring a pooled feature to a space in which
distances are Mahalanobis distances; `centres` (m, d) of the training pictures; and `distances`, sorted, of held-out
ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from radiolens.bundle import (
    GATE,
    LITE0_BYTES,
    bundle_versions,
    read_description,
    read_preprocessing,
    write_description,
)
from radiolens.imaging.preprocess import Preprocessing
from radiolens.prediction import BundleIdentity
from radiolens.safety.sight import OPERATING_POINTS, Kind

__all__ = ["DEFECTS", "SECOND_LOOKS", "GateBundle", "InstalledGate", "find_gate", "is_gate", "read_gate", "write_gate"]

DEFECTS = ("rotated", "inverted", "cropped")
"""What the network says of a picture besides its kind."""

SECOND_LOOKS = ("inverted",)
"""The defects for which a second look is known: at the picture without the defect."""


@dataclass(frozen=True)
class GateBundle:
    """What bundle.json of a gate says.

    The network's output is one logit for each of `kinds`, then one for each of `defects`. `temperature` divides them:
    `kind` those of the kinds, the name of a defect its own. `refuse_from` are the operating points (see
    `radiolens.safety.sight.Sight`), `threshold_evidence` says on what they were chosen. `second_look` names the defects
    of which a picture is suspected only, until a look at the picture without it finds less of it.
    """

    version: str
    kinds: tuple[Kind, ...]
    defects: tuple[str, ...]
    preprocessing: Preprocessing
    temperature: Mapping[str, float]
    refuse_from: Mapping[str, float]
    threshold_evidence: str
    limits: tuple[str, ...]
    provenance: Mapping[str, object]
    second_look: tuple[str, ...] = ()


@dataclass(frozen=True)
class InstalledGate:
    """A gate bundle on disk."""

    bundle: GateBundle
    folder: Path
    sha256: str

    @property
    def identity(self) -> BundleIdentity:
        """Return name, version and hash."""
        return BundleIdentity(GATE, self.bundle.version, self.sha256)


def find_gate(folders: Iterable[Path]) -> Path | None:
    """Return the folder of the newest gate bundle in `folders`, None if there is none."""
    versions = bundle_versions(folders).get(GATE, ())
    return versions[0] if versions else None


def is_gate(folder: Path) -> bool:
    """Say whether a folder of a bundle is called as one of the gate: .../gate/<version>."""
    return folder.resolve().parent.name == GATE


def read_gate(folder: Path, *, verify: bool = True) -> InstalledGate:
    """Read a gate bundle and, with `verify`, check the hash of every file; raise as `radiolens.bundle.read_bundle`."""
    bundle, sha256 = read_description(folder, _from_json, verify=verify)
    return InstalledGate(bundle, folder, sha256)


def write_gate(bundle: GateBundle, folder: Path) -> InstalledGate:
    """Write bundle.json into a folder that already holds the network files, and return the verified bundle.

    Raises BundleError as `radiolens.bundle.write_bundle`.
    """
    content = {entry.name: getattr(bundle, entry.name) for entry in fields(GateBundle)}
    plain = {name: dict(content[name]) for name in ("temperature", "refuse_from", "provenance")}
    write_description(
        {"name": GATE, **content, **plain, "preprocessing": asdict(bundle.preprocessing)}, folder, LITE0_BYTES
    )
    return read_gate(folder)


def _from_json(content: Mapping[str, Any]) -> GateBundle:
    """Return the bundle; raise KeyError, TypeError or ValueError for anything that is not as declared there."""
    known = {"name", *(entry.name for entry in fields(GateBundle))}
    if content.keys() | {"second_look"} != known or content["name"] != GATE:
        raise ValueError(f"expected the name {GATE!r} and {', '.join(sorted(known))}, found {', '.join(content)}")
    kinds, defects = tuple(Kind(name) for name in content["kinds"]), tuple(content["defects"])
    if sorted(kinds) != sorted(Kind) or sorted(defects) != sorted(DEFECTS):
        raise ValueError(f"expected every kind and defect once, found {[*kinds, *defects]}")
    second_look = tuple(content.get("second_look", ()))
    if not set(second_look) <= set(SECOND_LOOKS):
        raise ValueError(f"expected second_look to name some of {', '.join(SECOND_LOOKS)}, found {list(second_look)}")
    temperature = _numbers(content["temperature"], ("kind", *defects), "temperature")
    if min(temperature.values()) <= 0:
        raise ValueError(f"temperature must be above 0, found {min(temperature.values())}")
    return GateBundle(
        version=str(content["version"]),
        kinds=kinds,
        defects=defects,
        preprocessing=read_preprocessing(content["preprocessing"]),
        temperature=temperature,
        refuse_from=_numbers(content["refuse_from"], OPERATING_POINTS, "refuse_from"),
        threshold_evidence=str(content["threshold_evidence"]),
        limits=tuple(str(limit) for limit in content["limits"]),
        provenance=dict(content["provenance"]),
        second_look=second_look,
    )


def _numbers(content: Mapping[str, Any], names: Iterable[str], what: str) -> Mapping[str, float]:
    if content.keys() != set(names):
        raise ValueError(f"{what} must name {', '.join(names)}, found {', '.join(content)}")
    return {name: float(content[name]) for name in names}
