"""What a card says of prediction sets and of the surest answers; nothing for an evaluation that has none."""

from __future__ import annotations

from collections.abc import Iterator

from radiolens.validation.documents.figures import Evaluation, interval, number, table

__all__ = ["certainty"]


def certainty(study: Evaluation) -> Iterator[str]:
    """Yield the lines of Markdown on the prediction sets of an evaluation, and on the errors among the surest."""
    yield from _sets(study)
    yield from _surest(study)


def _sets(study: Evaluation) -> Iterator[str]:
    rows = study.get("prediction_sets")
    if not rows:
        return
    asked = f"{rows[0]['asked']:.0%}".replace("%", " %")
    header = (
        "label",
        "truth",
        "source",
        "cases",
        "set holds it",
        "mean size",
        "empty",
        "indeterminate",
        "decided rightly",
    )
    cells = [
        (
            row["label"],
            row["presence"],
            row["source"],
            row["cases"],
            interval(row["coverage"]),
            interval(row["size"]),
            interval(row["empty"]),
            interval(row["indeterminate"]),
            interval(row["right"]),
        )
        for row in rows
    ]
    yield from ("", f"Prediction sets, made to hold the truth in {asked} of the cases of each answer:", "")
    yield from table(header, cells)


def _surest(study: Evaluation) -> Iterator[str]:
    named = [(f"{row['question']}, {row['source']}", row.get("selective")) for row in study["binary"]]
    named += [(f"type of {row['source']}", row.get("selective")) for row in study.get("types", [])]
    told = [(name, found) for name, found in named if found and found["ratio"]["estimate"] is not None]
    if not told:
        return
    share = f"{told[0][1]['coverage']:.0%}".replace("%", " %")
    rows = [(name, number(each["kept"]), number(each["all"]), interval(each["ratio"])) for name, each in told]
    yield from ("", f"How often the surest {share} of the decisions are wrong, and all of them:", "")
    yield from table(("decisions", "surest", "all", "ratio"), rows)
