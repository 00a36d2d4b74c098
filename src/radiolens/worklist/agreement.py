"""Whether a reader decides as the network does: the one rule by which an answer confirms or overrides it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from radiolens.errors import InputError
from radiolens.prediction import Finding, Presence

__all__ = ["agreement", "fitting"]


def agreement(presence: Mapping[str, Presence], findings: Sequence[Finding]) -> bool | None:
    """Say whether a reader decides as the network does; None where one of them has not decided a label of the other.

    A difference on one label is a difference, whatever is left open on others.
    """
    decided = [entry for entry in findings if entry.presence is not Presence.INDETERMINATE]
    pairs = [(presence.get(entry.label, Presence.INDETERMINATE), entry.presence) for entry in decided]
    if any(reader is not Presence.INDETERMINATE and reader is not network for reader, network in pairs):
        return False
    whole = len(decided) == len(findings) > 0
    return True if whole and all(reader is network for reader, network in pairs) else None


def fitting(agreed: bool | None, presence: Mapping[str, Presence], findings: Sequence[Finding]) -> bool | None:
    """Return whether an answer confirms (True) or overrides the network's: by the reader's word, else by `agreement`.

    The word has to fit: who confirms decides every finding that is judged as the network does, and who overrides does
    not. Raises InputError if it does not, or if the network has answered nothing of what is judged.
    """
    if agreed is None:
        return agreement(presence, findings)
    alike = [presence[entry.label] is entry.presence for entry in findings if entry.label in presence]
    if not alike:
        raise InputError(
            "The network has answered nothing of what is judged, so its answer can be neither confirmed nor "
            "overridden. Leave agreed out."
        )
    if agreed and not all(alike):
        raise InputError(
            "The network's answer is confirmed, but not every finding is judged as the network does. Correct agreed, "
            "or leave it out: it follows from presence."
        )
    if not agreed and all(alike):
        raise InputError(
            "The network's answer is overridden, but every finding is judged as the network does. Correct agreed, or "
            "leave it out: it follows from presence."
        )
    return agreed
