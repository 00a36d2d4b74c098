"""The audit in a few lines: what was found, how much it matters, what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from radiolens.data.audit.reading import FileProblem, ProblemKind
from radiolens.data.audit.report import (
    Contradiction,
    DuplicatePair,
    Leak,
    OneSided,
    Remark,
    Severity,
    Shortcut,
)
from radiolens.data.audit.shortcut import WEAK

__all__ = ["remarks"]

_FILES = {
    ProblemKind.MISSING: (
        "missing_files",
        ("listed file is not there", "listed files are not there"),
        "Restore what is missing, or take the rows out.",
    ),
    ProblemKind.UNREADABLE: (
        "unreadable_files",
        ("file cannot be read as an image", "files cannot be read as images"),
        "Fetch or export it again, or take the rows out.",
    ),
    ProblemKind.CHANGED: (
        "changed_files",
        (
            "file is not the one that the manifest lists (other SHA-256)",
            "files are not those that the manifest lists (other SHA-256)",
        ),
        "Restore what the manifest lists, or make the manifest anew and check what else changed.",
    ),
}


def remarks(
    files: Sequence[FileProblem],
    pairs: Sequence[DuplicatePair],
    leaks: Sequence[Leak],
    contradictions: Sequence[Contradiction],
    one_sided: Sequence[OneSided],
    shortcuts: Sequence[Shortcut],
) -> tuple[Remark, ...]:
    """Return the lines of the summary, what matters most first; nothing found gives none."""
    found = [
        *_of_files(files),
        *_of_leaks(leaks),
        *_of_pairs(pairs),
        *_of_labels(contradictions),
        *_of_sources(one_sided),
        *_of_shortcuts(shortcuts),
    ]
    order = list(Severity)
    return tuple(sorted(found, key=lambda remark: order.index(remark.severity)))


def _of_files(files: Sequence[FileProblem]) -> Iterator[Remark]:
    counts = Counter(problem.kind for problem in files)
    for kind, (code, words, advice) in _FILES.items():
        if counts[kind]:
            yield Remark(code, Severity.PROBLEM, counts[kind], f"{_counted(counts[kind], *words)}.", advice)


def _of_leaks(leaks: Sequence[Leak]) -> Iterator[Remark]:
    for leak in leaks:
        count = len(leak.hashed_ids)
        shown = ", ".join(leak.hashed_ids[:5]) + (" ..." if count > 5 else "")
        yield Remark(
            f"leak_between_{leak.part}s",
            Severity.PROBLEM,
            count,
            f"{_counted(count, 'patient or duplicate group', 'patients or duplicate groups')} of the manifest "
            f"in more than one {leak.part}: {shown} "
            "(SHA-256, first 12 digits). Training refuses it (PatientLeakage).",
            "Cut anew with `radiolens data split`.",
        )


def _of_pairs(pairs: Sequence[DuplicatePair]) -> Iterator[Remark]:
    for part in ("split", "fold"):
        across = sum(part in pair.across for pair in pairs)
        if across:
            yield Remark(
                f"duplicates_across_{part}s",
                Severity.PROBLEM,
                across,
                f"{_pairs(across)} across {part}s: what is learnt on one is tested on the other.",
                "Take the groups that the audit proposes (--groups) and cut anew, or keep one image of each group.",
            )
    contradicting = sum(pair.contradiction for pair in pairs)
    if contradicting:
        yield Remark(
            "contradicting_duplicates",
            Severity.PROBLEM,
            contradicting,
            f"{_pairs(contradicting)} with labels that cannot both be right.",
            "Look at them, correct the wrong label, or leave both out.",
        )
    patients = sum("patient" in pair.across for pair in pairs)
    if patients:
        yield Remark(
            "duplicates_across_patients",
            Severity.WARNING,
            patients,
            f"{_pairs(patients)} of two patients, as the manifest has it.",
            "Check the patient ids; until then, group by the audit's groups.",
        )
    unknown = sum(not pair.known for pair in pairs)
    if unknown:
        yield Remark(
            "unknown_duplicates",
            Severity.WARNING,
            unknown,
            f"{_pairs(unknown)} kept together by no patient and no duplicate group.",
            "Take the groups that the audit proposes (--groups) before you cut splits.",
        )
    if len(pairs) > unknown:
        yield Remark(
            "known_duplicates",
            Severity.INFORMATION,
            len(pairs) - unknown,
            f"{_pairs(len(pairs) - unknown)} of one patient or duplicate group, as the manifest has it.",
            "Nothing to do; measures over images still count them more than once.",
        )


def _of_labels(contradictions: Sequence[Contradiction]) -> Iterator[Remark]:
    if contradictions:
        yield Remark(
            "patients_with_several_labels",
            Severity.INFORMATION,
            len(contradictions),
            f"{_counted(len(contradictions), 'patient', 'patients')} with labels that exclude each other.",
            "It may be right, since disease changes; look at a few.",
        )


def _of_sources(one_sided: Sequence[OneSided]) -> Iterator[Remark]:
    for found in one_sided:
        yield Remark(
            "one_sided_source",
            Severity.WARNING,
            found.images,
            f"Source {found.source or '(none)'} has {found.question} {found.answer} in all {found.images} annotated "
            "images: who knows the source knows the answer.",
            "Add images of the other answer from the same source, sample sources evenly, and test on another source.",
        )


def _of_shortcuts(shortcuts: Sequence[Shortcut]) -> Iterator[Remark]:
    for about in ("class", "source"):
        strong = [found for found in shortcuts if found.about == about and found.auroc.low >= WEAK]
        if strong:
            worst = max(strong, key=lambda found: found.auroc.low)
            within = f" within {worst.within}" if worst.within else ""
            yield Remark(
                f"{about}_shortcut",
                Severity.WARNING,
                len(strong),
                f"Borders and brightness alone tell {worst.question}{within} from the rest with an AUROC of "
                f"{worst.auroc.estimate:.2f} ({worst.auroc.low:.2f}-{worst.auroc.high:.2f})"
                f"{f'; {len(strong) - 1} more like it' if len(strong) > 1 else ''}.",
                "Judge networks against the control, crop or mask borders, and test on another source.",
            )


def _pairs(count: int) -> str:
    return _counted(count, "pair of copies", "pairs of copies")


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
