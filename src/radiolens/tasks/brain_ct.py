"""Haemorrhage on head CT slices; for tumour, which a site can train (docs/brain-ct.md), no network is released."""

from __future__ import annotations

from radiolens.task import Code, Label, Limit, Task
from radiolens.tasks.header_words import HEAD_WORDS

__all__ = ["BRAIN_CT"]

BRAIN_CT = Task(
    name="brain-ct",
    title="Brain CT",
    modalities=("CT",),
    body_parts=("HEAD", "BRAIN", *HEAD_WORDS),
    labels=(
        Label(
            name="haemorrhage",
            title="Intracranial haemorrhage",
            definition="Slice through a visible intracranial haemorrhage, without contrast.",
            code=Code("1386000", "SCT", "Intracranial hemorrhage"),
        ),
        Label(
            name="tumour",
            title="Brain tumour",
            definition="Slice through a brain tumour.",
            code=Code("126952004", "SCT", "Neoplasm of brain"),
            why_unreleased=(
                "There is no adequate public data to train or judge a network. A site can train one on its own slices."
            ),
        ),
    ),
    exclusive=False,
    intended_use="Axial head CT slices without contrast.",
    negative_answer="No intracranial haemorrhage or brain tumour found",
    limits=(
        Limit(
            "This slice alone was judged: a haemorrhage that it does not cut is missed.",
            ("haemorrhage",),
            volumes=False,
        ),
        Limit(
            "Slices are judged. The answer for a whole volume is a mean over slices, in which a small finding is "
            "averaged away, and is not validated.",
            volumes=True,
        ),
        Limit(
            "Haemorrhage was learnt and measured on the slices of one collection, pictures of 8 bits that had been "
            "windowed; the files of a scanner (DICOM) were not measured.",
            ("haemorrhage",),
        ),
        Limit(
            "Every patient that it learnt from had a haemorrhage somewhere: false alarms in heads without any were not "
            "measured.",
            ("haemorrhage",),
        ),
        Limit(
            "Slices with an ischaemic stroke were neither learnt nor measured: haemorrhage is not annotated in them.",
            ("haemorrhage",),
        ),
    ),
)
