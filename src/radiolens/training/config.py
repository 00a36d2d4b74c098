"""What defines a training run: one frozen value, written by an experiment file in `training/configs/`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from radiolens.data.manifest import Case
from radiolens.imaging.preprocess import Preprocessing

__all__ = ["Augmentation", "Experiment", "as_json", "source_and_label"]


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random changes of a training picture, whose grey levels run from 0 to 1.

    `smallest_crop` is the least share of each side that a crop keeps. `gamma` is the largest |ln gamma|. `border` is
    the largest share of a side that is blacked out. `box_probability` sets white, black or grey boxes, as
    redactions and markers do; `blur_probability` and `jpeg_probability` imitate poor exports.
    """

    smallest_crop: float = 0.75
    rotation_degrees: float = 8.0
    flip_probability: float = 0.5
    gamma: float = 0.7
    contrast: tuple[float, float] = (0.6, 1.3)
    brightness: float = 0.2
    border: float = 0.1
    border_probability: float = 0.5
    noise: float = 0.04
    box_probability: float = 0.3
    blur_probability: float = 0.2
    jpeg_probability: float = 0.2


def source_and_label(case: Case) -> str:
    """Return the default sampling group of a case: its source and what is annotated."""
    annotated = [f"{name}={value}" for name, value in sorted(case.labels.items()) if value is not None]
    return f"{case.source}:{'|'.join(annotated or sorted(case.possible))}"


@dataclass(frozen=True)
class Experiment:
    """One training run.

    `masked` lists (source, label) annotations that are left out, for instance a finding of which a source has
    only one answer, which would teach the source. Groups of `group_by` are drawn equally often. `unfreeze_from`
    names the backbone layer up to which nothing is trained (empty: everything is). `patience` is the number of
    epochs without a better validation loss before it stops, and the best epoch is kept; 0 is a fixed schedule, of
    which the last epoch is kept.
    """

    name: str
    task: str
    sources: tuple[str, ...]
    backbone: str = "efficientnet-lite0"
    preprocessing: Preprocessing = field(default_factory=lambda: Preprocessing(224, 224))
    masked: tuple[tuple[str, str], ...] = ()
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
    freeze_batch_norms: bool = True
    unfreeze_from: str = ""
    patience: int = 3
    seed: int = 0

    @property
    def steps_per_epoch(self) -> int:
        """Return the number of batches in an epoch."""
        return self.images_per_epoch // self.batch_size


def as_json(experiment: Experiment) -> dict[str, object]:
    """Return the experiment as JSON types, the grouping function by its name."""
    return {**asdict(experiment), "group_by": experiment.group_by.__qualname__}
