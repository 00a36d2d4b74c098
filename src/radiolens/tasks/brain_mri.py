"""Type of brain tumour on MR slices."""

from __future__ import annotations

from radiolens.task import Code, Label, Limit, Task
from radiolens.tasks.header_words import HEAD_WORDS

__all__ = ["BRAIN_MRI"]

BRAIN_MRI = Task(
    name="brain-mri",
    title="Brain MRI",
    modalities=("MR",),
    body_parts=("BRAIN", "HEAD", *HEAD_WORDS, "PITUITARY", "SELLA", "HYPOPHYSE", "HIPOFISIS", "HIPOFISE", "IPOFISI"),
    labels=(
        Label(
            name="glioma",
            title="Glioma",
            definition="Slice through a glioma, T1-weighted after contrast.",
            code=Code("393564001", "SCT", "Glioma"),
        ),
        Label(
            name="meningioma",
            title="Meningioma",
            definition="Slice through a meningioma, T1-weighted after contrast.",
            code=Code("302820008", "SCT", "Intracranial meningioma"),
        ),
        Label(
            name="pituitary",
            title="Pituitary tumour",
            definition="Slice through a pituitary tumour, T1-weighted after contrast.",
            code=Code("127024001", "SCT", "Neoplasm of pituitary gland"),
        ),
        Label(
            name="no_tumour",
            title="No tumour",
            definition="Slice without a visible tumour; all known examples are pictures from the web.",
            normal=True,
        ),
    ),
    exclusive=True,
    intended_use="Single brain MR slices; the tumour type is meant for T1-weighted slices after contrast.",
    negative_answer="No glioma, meningioma or pituitary tumour found",
    limits=(
        Limit(
            "This slice alone was judged: a tumour that it does not cut is missed.",
            volumes=False,
        ),
        Limit(
            "Slices are judged. The answer for a whole volume is a mean over slices, in which a small tumour is "
            "averaged away, and is not validated.",
            volumes=True,
        ),
        Limit(
            "The tumour type is only meaningful on T1-weighted slices after contrast.",
            ("glioma", "meningioma", "pituitary"),
        ),
        Limit("Examples without tumour come from web pictures, not from one scanner."),
        Limit("All training slices were pictures of 8 bits; the files of a scanner (DICOM) were not measured."),
    ),
)
