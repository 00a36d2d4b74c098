"""What defines a training run: one frozen value, written by an experiment file in `training/configs/`."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from radiolens.data.manifest import Case, Manifest
from radiolens.data.splits import stratum
from radiolens.errors import DatasetError
from radiolens.imaging.preprocess import Preprocessing
from radiolens.training.value_rules import AUGMENTATION, EXPERIMENT, check_values, is_whole

__all__ = [
    "UNCHANGED",
    "Absence",
    "Augmentation",
    "Experiment",
    "Masking",
    "SourceErasure",
    "as_json",
    "completed",
    "source_and_label",
    "training_only",
]


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random changes of a training picture, whose grey levels run from 0 to 1.

    `smallest_crop` is the least share of each side that a crop keeps. `gamma` is the largest |ln gamma|. With `median`
    the median grey level is drawn from that range first, whatever it was, by a power of 1/4 to 4; so the brightness of
    all but the darkest and brightest pictures tells nothing. `border` is the largest share of a side that is blacked
    out. `box_probability` sets white, black or grey boxes, as redactions and markers do; `blur_probability` and
    `jpeg_probability` imitate poor exports: a coarser resolution, and where `blur` is not 0 a Gaussian besides, whose
    standard deviation is at most that share of the shorter side. `style_probability` gives a picture something of the
    broad light and shade of another one of its batch (`augment.mix_styles`). `quarter_turns` lets a picture lie on each
    of its sides as often, for sets in which heads lie otherwise than in clinics.
    """

    smallest_crop: float = 0.75
    rotation_degrees: float = 8.0
    quarter_turns: bool = False
    flip_probability: float = 0.5
    gamma: float = 0.7
    median: tuple[float, float] | None = None
    contrast: tuple[float, float] = (0.6, 1.3)
    brightness: float = 0.2
    border: float = 0.1
    border_probability: float = 0.5
    noise: float = 0.04
    box_probability: float = 0.3
    blur_probability: float = 0.2
    blur: float = 0.0
    jpeg_probability: float = 0.2
    style_probability: float = 0.0

    def __post_init__(self) -> None:
        check_values("an augmentation", self, AUGMENTATION)


UNCHANGED = Augmentation(
    smallest_crop=1.0,
    rotation_degrees=0.0,
    flip_probability=0.0,
    gamma=0.0,
    contrast=(1.0, 1.0),
    brightness=0.0,
    border=0.0,
    border_probability=0.0,
    noise=0.0,
    box_probability=0.0,
    blur_probability=0.0,
    jpeg_probability=0.0,
)
"""Leaves every picture as it is."""


@dataclass(frozen=True)
class Absence:
    """A finding that films of a source are taken not to show while training, though nobody annotated it.

    With `only_normal` this holds for cases whose annotated findings are all absent. `reason` stands on the model card.
    """

    source: str
    label: str
    reason: str
    only_normal: bool = False

    def covers(self, case: Case) -> bool:
        """Say whether the label of this case is not annotated and may be taken as absent."""
        if case.source != self.source or case.labels.get(self.label) is not None:
            return False
        return case.unaffected or (not self.only_normal and any(value is not None for value in case.labels.values()))


@dataclass(frozen=True)
class Masking:
    """Annotations of a label by a source that are left out of training.

    With `keep_one_in` n > 0 one case in n keeps its own, always the same ones, whatever the split and the other cases:
    those whose path has a CRC-32 that n divides. So a network still learns what the annotation says, but not mainly.
    """

    source: str
    label: str
    keep_one_in: int = 0

    def __post_init__(self) -> None:
        if not is_whole(self.keep_one_in) or self.keep_one_in < 0:
            raise DatasetError(
                f"keep_one_in of {self.label} of {self.source} is {self.keep_one_in!r}, expected 0 (none is kept) or "
                "the number of cases of which one is kept."
            )

    def hides(self, case: Case) -> bool:
        """Say whether what is annotated of the label on this case is left out."""
        kept = self.keep_one_in > 0 and zlib.crc32(case.path.encode()) % self.keep_one_in == 0
        return case.source == self.source and not kept


@dataclass(frozen=True)
class SourceErasure:
    """What the normal films of two sources differ by, taken out of a label's weights in the dense head.

    `share` says how much of it: 1 leaves no difference between the mean logits of both sources' normal training cases.
    """

    label: str
    sources: tuple[str, str]
    share: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise DatasetError(
                f"the share of an erasure of {self.label} is {self.share}, expected above 0, up to 1 (all of it)."
            )
        if len(set(self.sources)) != 2:
            raise DatasetError(
                f"an erasure of {self.label} is between {', '.join(self.sources)}. Give two different sources."
            )


def source_and_label(case: Case) -> str:
    """Return the default sampling group of a case: its source and what is annotated."""
    return stratum(case)


@dataclass(frozen=True)
class Experiment:
    """One training run.

    `sources` are the sources of the manifest that are used, and `labels` the labels of the task; empty means all.
    `backbone` is a name (see `radiolens.training.model`), or a function that returns a Keras model from grey images (n,
    rows, columns, 1) to feature maps. `masked` lists annotations that are left out of training, for instance of a
    finding of which a source has only one answer, which would teach the source; `assumed_absent` adds some that nobody
    made. Both hold for training only. `base` is trained first, in a folder beside, and its network is where this one
    starts; with `mean_with_base` the result is the mean of the weights of both, which keeps more of what the base could
    do (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", CVPR). `mean_of` are experiments that are
    trained each on its own, and the mean of whose weights is this one's network, of which then only task, cases and
    preprocessing count: networks of one base lie close enough for it (Wortsman et al. 2022, "Model soups", ICML), and
    their mean depends less on the luck of one run, at no cost for who asks it. With `erased` only the base is trained,
    and this one's network is the base's with differences of sources taken out of its head: a projection (Bolukbasi et
    al. 2016, "Man is to computer programmer as woman is to homemaker?", NeurIPS), of the head instead of the features.
    It may answer larger pictures than the base was trained on, in whose random crops everything looks larger than in
    the whole picture (Touvron et al. 2019, "Fixing the train-test resolution discrepancy", NeurIPS). Groups of
    `group_by` are drawn equally often. `map_weight` is the weight of a second loss, by which the class activation map
    of a case with a mask learns to point at the lesion (0: none). `unfreeze_from` names the backbone layer up to which
    nothing is trained (empty: everything is). `patience` is the number of epochs without a better validation loss
    before it stops, and the best epoch is kept; 0 is a fixed schedule, of which the last epoch is kept.
    `set_confidence` is no matter of training: with it the prediction sets of an export keep their coverage, 0 for in
    the mean of all draws of calibration cases, 0.7 for in seven of ten draws.
    """

    name: str
    task: str
    sources: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    backbone: str | Callable[[Preprocessing], Any] = "efficientnet-lite0"
    preprocessing: Preprocessing = field(default_factory=lambda: Preprocessing(224, 224))
    masked: tuple[Masking, ...] = ()
    assumed_absent: tuple[Absence, ...] = ()
    base: Experiment | None = None
    mean_with_base: bool = False
    mean_of: tuple[Experiment, ...] = ()
    erased: tuple[SourceErasure, ...] = ()
    group_by: Callable[[Case], str] = source_and_label
    augmentation: Augmentation = Augmentation()
    epochs: int = 10
    images_per_epoch: int = 9000
    batch_size: int = 32
    learning_rate: float = 2e-4
    warmup_share: float = 0.1
    weight_decay: float = 1e-4
    label_smoothing: float = 0.03
    dropout: float = 0.3
    map_weight: float = 0.0
    freeze_batch_norms: bool = True
    unfreeze_from: str = ""
    patience: int = 3
    seed: int = 0
    set_confidence: float = 0.0

    def __post_init__(self) -> None:
        check_values(f"experiment {self.name!r}", self, EXPERIMENT)
        self._check_parts()
        self._check_told()
        if self.batch_size > self.images_per_epoch:
            raise DatasetError(
                f"experiment {self.name!r}: {self.images_per_epoch} images in batches of {self.batch_size} are no "
                "batch. Let images_per_epoch be at least batch_size."
            )
        if self.base is not None and self.base.name == self.name:
            raise DatasetError(f"experiment {self.name!r}: its base has the same name, so both would use one folder.")
        self._check_mean_with_base()
        self._check_mean()
        self._check_erased()

    @property
    def steps_per_epoch(self) -> int:
        """Return the number of batches in an epoch."""
        return self.images_per_epoch // self.batch_size

    @property
    def backbone_name(self) -> str:
        """Return the backbone's name, or that of the function that builds it."""
        return self.backbone if isinstance(self.backbone, str) else self.backbone.__qualname__

    def with_fixed_schedule(self) -> Experiment:
        """Return the experiment without early stopping of its own epochs, so that no validation case chooses one.

        Its own are those of the networks that it is made of, too: of a mean its members, of an erasure its base.
        """
        members = tuple(member.with_fixed_schedule() for member in self.mean_of)
        base = self.base.with_fixed_schedule() if self.base and self.erased else self.base
        return replace(self, patience=0, mean_of=members, base=base)

    def part(self, manifest: Manifest) -> Manifest:
        """Return the manifest with the experiment's labels and sources only; raise DatasetError if one is unknown."""
        self._check_known(manifest)
        if self.labels and manifest.task.exclusive:
            raise DatasetError(
                f"experiment {self.name!r} names labels, but those of {manifest.task.name} exclude one another: one "
                "of them must hold, so none can be left out. Remove `labels`."
            )
        labels = tuple(label for label in manifest.task.labels if not self.labels or label.name in self.labels)
        cases = tuple(case for case in manifest.cases if not self.sources or case.source in self.sources)
        return replace(manifest, task=replace(manifest.task, labels=labels), cases=cases)

    def _check_parts(self) -> None:
        """Raise DatasetError if a value that is one of this module's, or holds such, is or holds something else."""
        if not (self.base is None or isinstance(self.base, Experiment)):
            raise DatasetError(f"experiment {self.name!r}: base is {self.base!r}, expected an Experiment, or None.")
        if not isinstance(self.augmentation, Augmentation):
            raise DatasetError(
                f"experiment {self.name!r}: augmentation is {self.augmentation!r}, expected an Augmentation. UNCHANGED "
                "is the one that leaves pictures as they are."
            )
        for name, (kind, written) in _ENTRIES.items():
            strange = [entry for entry in getattr(self, name) if not isinstance(entry, kind)]
            if strange:
                raise DatasetError(
                    f"experiment {self.name!r}: {name} holds {strange[0]!r}. Write each entry as {written}."
                )

    def _check_told(self) -> None:
        """Raise DatasetError for a masking or an absence that changes no case, yet would stand in the provenance."""
        for name in ("masked", "assumed_absent"):
            for entry in getattr(self, name):
                if found := self._unused(entry.label, (entry.source,)):
                    raise DatasetError(
                        f"experiment {self.name!r}: {name} names {entry.label} of {entry.source}, but {found}. Take it "
                        "out, or name the label and source among those of the experiment."
                    )

    def _check_known(self, manifest: Manifest) -> None:
        """Raise DatasetError for a name of a source or label that the manifest does not know."""
        known = {"sources": {case.source for case in manifest.cases}, "labels": set(manifest.task.label_names)}
        entries: tuple[Masking | Absence, ...] = (*self.masked, *self.assumed_absent)
        erased = [source for erasure in self.erased for source in erasure.sources]
        asked = {
            "sources": (*self.sources, *erased, *(entry.source for entry in entries)),
            "labels": (*self.labels, *(entry.label for entry in (*self.erased, *entries))),
        }
        for kind, names in asked.items():
            unknown = sorted(set(names) - known[kind])
            if unknown:
                raise DatasetError(
                    f"experiment {self.name!r} names the {kind} {', '.join(unknown)}, but {manifest.file} knows "
                    f"{', '.join(sorted(known[kind]))}. Correct the experiment or the manifest."
                )

    def _check_mean_with_base(self) -> None:
        """Raise DatasetError if the weights of base and network have no meaningful mean."""
        if not self.mean_with_base:
            return
        base, found = self.base, ""
        if base is None:
            found = "has none"
        elif not self.freeze_batch_norms:
            found = "trains its batch norms"
        elif differing := [name for name in _LAYERS if getattr(base, name) != getattr(self, name)]:
            found = f"differs from it in {', '.join(differing)}"
        elif self.mean_of:
            found = "is a mean of others already"
        if found:
            raise DatasetError(
                f"experiment {self.name!r} is to be the mean of its base and itself, but {found}. Only networks of one "
                "kind have a mean that answers anything, and only while batch norms stay as they are."
            )

    def _check_erased(self) -> None:
        """Raise DatasetError if there is no network from whose head the differences of `erased` could be taken."""
        if not self.erased:
            return
        base, found = self.base, ""
        others = [name for name in _LAYERS if name != "preprocessing"]  # of which only the size may differ
        sized = replace(self.preprocessing, rows=0, columns=0)
        if base is None:
            found = "it has no base, whose network it would change"
        elif differing := [name for name in others if getattr(base, name) != getattr(self, name)]:
            found = f"it differs from its base in {', '.join(differing)}"
        elif replace(base.preprocessing, rows=0, columns=0) != sized:
            found = "its pictures differ from those of its base in more than their size"
        elif self.mean_of or self.mean_with_base:
            found = "it is a mean. Let the mean be its base"
        else:
            found = self._unused_of_erased()
        if found:
            raise DatasetError(f"experiment {self.name!r} takes what sources differ by from a head, but {found}.")

    def _unused_of_erased(self) -> str:
        """Return which label or source of `erased` the experiment leaves out, in words, empty for none."""
        return next(filter(None, (self._unused(entry.label, entry.sources) for entry in self.erased)), "")

    def _unused(self, label: str, sources: tuple[str, ...]) -> str:
        """Return which of these the experiment leaves out, in words, empty for none."""
        if self.labels and label not in self.labels:
            return f"{label} is none of its labels ({', '.join(self.labels)})"
        if self.sources and (left := sorted(set(sources) - set(self.sources))):
            return f"{', '.join(left)} is none of its sources ({', '.join(self.sources)})"
        return ""

    def _check_mean(self) -> None:
        """Raise DatasetError if the weights of the experiments of `mean_of` have no meaningful mean."""
        if not self.mean_of:
            return
        names = [member.name for member in self.mean_of]
        if len(set(names)) < 2 or len(set(names)) < len(names) or self.name in names:
            raise DatasetError(
                f"experiment {self.name!r} is the mean of {', '.join(names)}. Give at least two experiments, each with "
                "a name of its own, for they are trained in folders of their names."
            )
        for member in self.mean_of:
            differing = [name for name in _SHARED if getattr(member, name) != getattr(self, name)]
            found = f"differs from it in {', '.join(differing)}" if differing else ""
            found = found or ("starts from no base" if member.base is None else "")
            found = found or ("is a mean itself" if member.mean_of or member.mean_with_base else "")
            found = found or ("is not trained itself" if member.erased else "")
            found = found or ("trains its batch norms" if not member.freeze_batch_norms else "")
            if found:
                raise DatasetError(
                    f"experiment {self.name!r}: {member.name!r}, of which it is a mean, {found}. Only networks of one "
                    "kind and one base have a mean that answers anything, and only while batch norms stay as they are."
                )


_ENTRIES = {
    "masked": (Masking, "Masking(source, label)"),
    "assumed_absent": (Absence, "Absence(source, label, reason)"),
    "erased": (SourceErasure, "SourceErasure(label, (source, other source))"),
    "mean_of": (Experiment, "an Experiment"),
}
"""What the tuples of an experiment hold, and how it is written."""

_LAYERS = ("task", "labels", "backbone", "preprocessing")
"""Without these the weights of two networks do not mean the same."""

_SHARED = (*_LAYERS, "base", "sources", "masked", "assumed_absent")
"""The same for a mean of several; without the last three its provenance would not tell what it was trained on."""


def completed(written: Mapping[str, Any]) -> dict[str, Any]:
    """Return `as_json` of an earlier version as this one would write it: what was not known then was not done."""
    unchanged = json.loads(json.dumps(asdict(UNCHANGED)))
    augmentation = {**unchanged, **written.get("augmentation", {})}
    masked = [asdict(Masking(*entry)) if isinstance(entry, list) else entry for entry in written.get("masked", [])]
    base = written.get("base")
    members = [completed(member) for member in written.get("mean_of", [])]
    base = completed(base) if base else None
    known = {"augmentation": augmentation, "masked": masked, "base": base, "mean_of": members}
    return {"mean_with_base": False, "erased": [], "set_confidence": 0.0, **written, **known}


def training_only(written: Mapping[str, Any]) -> dict[str, Any]:
    """Return of `as_json` what decides the weights, so that what is chosen for an export stays free after training."""
    base, members = written["base"], [training_only(member) for member in written["mean_of"]]
    kept = {name: value for name, value in written.items() if name != "set_confidence"}
    return {**kept, "base": training_only(base) if base else None, "mean_of": members}


def as_json(experiment: Experiment) -> dict[str, object]:
    """Return the experiment as JSON types, functions by their names."""
    values = {entry.name: getattr(experiment, entry.name) for entry in fields(experiment)}
    parts = {name: asdict(values[name]) for name in ("augmentation", "preprocessing")}
    named = {"backbone": experiment.backbone_name, "group_by": experiment.group_by.__qualname__}
    told = {name: [asdict(entry) for entry in values[name]] for name in ("masked", "assumed_absent", "erased")}
    base = as_json(experiment.base) if experiment.base else None
    members = [as_json(member) for member in experiment.mean_of]
    return {**values, **parts, **named, **told, "base": base, "mean_of": members}
