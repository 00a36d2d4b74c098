"""Pneumonia and tuberculosis on frontal chest films."""

from __future__ import annotations

from radiolens.task import Code, Label, Task

__all__ = ["CHEST_XRAY"]

CHEST_XRAY = Task(
    name="chest-xray",
    title="Chest X-ray",
    modalities=("DX", "CR"),
    body_parts=("CHEST", "LUNG", "THORAX"),
    labels=(
        Label(
            name="pneumonia",
            title="Pneumonia",
            definition=(
                "Radiological pneumonia: read by paediatric radiologists (Guangzhou) or mined from reports (NIH)."
            ),
            code=Code("233604007", "SCT", "Pneumonia"),
        ),
        Label(
            name="tuberculosis",
            title="Tuberculosis",
            definition="Radiological pulmonary tuberculosis, not microbiologically confirmed.",
            code=Code("154283005", "SCT", "Pulmonary tuberculosis"),
        ),
    ),
    exclusive=False,
    intended_use="Frontal chest radiographs (PA or AP): pneumonia at any age, tuberculosis from 15 years on.",
    negative_answer="No pneumonia or tuberculosis found",
    limits=(
        "Only pneumonia and tuberculosis are looked for; every other disease is missed.",
        (
            "Pneumonia was learnt mostly from children of one hospital; "
            "in adults more is missed and more is called falsely."
        ),
        "Films with tuberculosis are often called pneumonia, too.",
        "Tuberculosis was learnt from adults only (15 years and older): most films of children are called it falsely.",
        "The labels are radiological; they were not confirmed by microbiology.",
    ),
)
