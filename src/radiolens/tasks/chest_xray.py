"""Pneumonia and tuberculosis on frontal chest films."""

from __future__ import annotations

from radiolens.task import Code, Label, Limit, Task

__all__ = ["CHEST_XRAY"]

CHEST_XRAY = Task(
    name="chest-xray",
    title="Chest X-ray",
    modalities=("DX", "CR"),
    body_parts=(
        *("CHEST", "LUNG", "THORAX", "CXR", "THX", "NECKCHEST", "CHESTABDOMEN", "CHESTABDPELVIS"),
        *("NECKCHESTABDOMEN", "NECKCHESTABDPELV", "BRUSTKORB", "LUNGE", "LUNGEN", "POUMON", "TORAX", "PECHO", "PULMON"),
        *("PULMONES", "PULMAO", "PULMOES", "TORACE", "POLMONE", "POLMONI", "BORSTKAS", "TORAKS"),
    ),
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
            youngest_age=15,
        ),
    ),
    exclusive=False,
    intended_use="Frontal chest radiographs (PA or AP): pneumonia at any age, tuberculosis from 15 years on.",
    negative_answer="No pneumonia or tuberculosis found",
    limits=(
        Limit(
            "Pneumonia was learnt from two populations: children of 1 to 5 years of one hospital in Guangzhou, read by "
            "paediatric radiologists, and fewer patients of the NIH in the United States, mostly adults, with labels "
            "mined from reports. The model card has the figures of each.",
            ("pneumonia",),
        ),
        Limit(
            "In adults more pneumonia is missed, and more is called falsely, than in small children.",
            ("pneumonia",),
            from_age=18,
        ),
        Limit(
            "Between 6 and 17 years pneumonia was learnt and measured on a few dozen films only.",
            ("pneumonia",),
            from_age=6,
            to_age=18,
        ),
        Limit(
            "Nobody annotated pneumonia in the films with tuberculosis: such a film may be called pneumonia, too.",
            ("pneumonia",),
        ),
        Limit(
            "Tuberculosis is meant for patients of 15 years and older: no child's film with tuberculosis was learnt or "
            "measured.",
            ("tuberculosis",),
            to_age=15,
        ),
        Limit(
            "Tuberculosis is missed more often on films of a country that the network has not seen; plan a threshold "
            "on films of your own.",
            ("tuberculosis",),
        ),
        Limit("The labels are radiological; they were not confirmed by microbiology."),
    ),
)
