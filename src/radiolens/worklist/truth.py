"""What other tests have told of a case: what reader and network are judged by, and thresholds planned on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from radiolens.prediction import Presence
from radiolens.store.schema import DiagnosisRow

__all__ = ["told_by_tests"]


def told_by_tests(diagnoses: Iterable[DiagnosisRow]) -> Mapping[str, Presence]:
    """Return of each label the last word of a case's diagnoses, which come in the order in which they were attached."""
    return {label: Presence(word) for diagnosis in diagnoses for label, word in diagnosis.presence.items()}
