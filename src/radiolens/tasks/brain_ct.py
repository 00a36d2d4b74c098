"""Haemorrhage and tumour on head CT slices; no network is released yet."""

from __future__ import annotations

from radiolens.task import Code, Label, Task

__all__ = ["BRAIN_CT"]

BRAIN_CT = Task(
    name="brain-ct",
    title="Brain CT",
    modalities=("CT",),
    body_parts=("HEAD", "BRAIN", "SKULL"),
    labels=(
        Label(
            name="haemorrhage",
            title="Intracranial haemorrhage",
            definition="Slice through a visible intracranial haemorrhage, without contrast.",
            code=Code("1386000", "SCT", "Intracranial hemorrhage"),
            why_unreleased="No network has been trained and judged for it yet.",
        ),
        Label(
            name="tumour",
            title="Brain tumour",
            definition="Slice through a brain tumour.",
            code=Code("126952004", "SCT", "Neoplasm of brain"),
            why_unreleased="There is no adequate public data to train or judge a network.",
        ),
    ),
    exclusive=False,
    intended_use="Axial head CT slices without contrast.",
    negative_answer="No haemorrhage found",
    limits=("Slices are judged; the answer for a whole volume is not validated.",),
)
