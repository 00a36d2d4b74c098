"""Pneumonia and tuberculosis on chest films, fine-tuned in two stages, of which folds share the first.

Command: radiolens train chest_xray_staged --data ../shared/data/chest-xray
Runtime: on two cores 49 ms for an image and step, so 22 minutes for the base (5 epochs of 4800 images and their
    validation), once; what follows it (4 of 4800) leaves the first three blocks as the base has them: 39 ms, so 14
    minutes for each fold.
Result: five networks, one without each fold: pneumonia AUROC 0.828 on NIH films that they had not seen; 0.988 on the
    Guangzhou test films with the network without fold 5, which was chest-xray 0.5.0. It is one of the two whose mean
    chest_xray_averaged is.
"""

from __future__ import annotations

from radiolens.training.config import Absence, Augmentation, Experiment

__all__ = ["BASE", "EXPERIMENT"]

_ABSENCES = (
    Absence("guangzhou", "tuberculosis", "films that were read as normal show no tuberculosis", only_normal=True),
    Absence(
        "nih",
        "tuberculosis",
        "films of a hospital in the United States, where tuberculosis is rare; none is labelled with it",
    ),
)
"""So that tuberculosis is not learnt from one source's normals against another's ill, and opacities of a pneumonia in
adults are told from it. Children with pneumonia stay unknown: they would teach to tell children from adults."""

_AUGMENTATION = Augmentation(blur_probability=0.3, blur=0.015)
"""Bundle 0.4.0 was trained on coarse films, but on none that a Gaussian blurs, and called those tuberculosis."""

BASE = Experiment(
    name="chest_xray_base",
    task="chest-xray",
    sources=("guangzhou", "tb-collection"),
    assumed_absent=_ABSENCES[:1],
    augmentation=_AUGMENTATION,
    epochs=5,
    images_per_epoch=4800,
    batch_size=16,
    patience=0,
)
"""What all folds share, since it sees no film of NIH, the only source with folds."""

EXPERIMENT = Experiment(
    name="chest_xray_staged",
    task="chest-xray",
    sources=("guangzhou", "nih", "tb-collection"),
    # Nothing is masked. Bundle 0.1.0 left out that the collection's normals have no pneumonia, since it has no
    # pneumonia beside them; it then called most normal films of adults pneumonia.
    assumed_absent=_ABSENCES,
    base=BASE,
    augmentation=_AUGMENTATION,
    epochs=4,
    images_per_epoch=4800,
    batch_size=16,
    unfreeze_from="_blocks.3._expand_conv",
    patience=0,
)
