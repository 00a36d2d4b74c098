"""Whether a reader decides as the network does, and what of a reader's own word on it is believed."""

from __future__ import annotations

import pytest

from radiolens.errors import InputError
from radiolens.prediction import Finding, Presence
from radiolens.worklist.agreement import agreement, fitting

PRESENT, ABSENT, OPEN = Presence.PRESENT, Presence.ABSENT, Presence.INDETERMINATE
NETWORK = {"pneumonia": PRESENT, "tuberculosis": ABSENT}


def found(**presence: Presence) -> tuple[Finding, ...]:
    return tuple(Finding(label, 0.5, 0.5, one) for label, one in presence.items())


@pytest.mark.parametrize(
    ("reader", "network", "agreed"),
    [
        ({"pneumonia": PRESENT}, {"pneumonia": PRESENT}, True),
        ({"pneumonia": ABSENT}, {"pneumonia": PRESENT}, False),
        ({"pneumonia": OPEN}, {"pneumonia": PRESENT}, None),
        ({}, {"pneumonia": PRESENT}, None),
        ({"pneumonia": PRESENT}, {"pneumonia": OPEN}, None),
        ({"pneumonia": PRESENT}, {}, None),
        ({"pneumonia": PRESENT, "tuberculosis": ABSENT}, {"pneumonia": PRESENT, "tuberculosis": OPEN}, None),
        ({"pneumonia": ABSENT, "tuberculosis": ABSENT}, {"pneumonia": PRESENT, "tuberculosis": OPEN}, False),
        ({"pneumonia": PRESENT, "tuberculosis": ABSENT}, {"pneumonia": PRESENT, "tuberculosis": ABSENT}, True),
        ({"pneumonia": PRESENT}, {"pneumonia": PRESENT, "tuberculosis": ABSENT}, None),
    ],
)
def test_agreeing_means_deciding_all_of_it_alike(
    reader: dict[str, Presence], network: dict[str, Presence], *, agreed: bool | None
) -> None:
    assert agreement(reader, found(**network)) is agreed


@pytest.mark.parametrize("reader", [NETWORK, {"pneumonia": ABSENT}, {"pneumonia": PRESENT}, {}])
def test_without_a_word_it_follows_from_the_decisions(reader: dict[str, Presence]) -> None:
    assert fitting(None, reader, found(**NETWORK)) is agreement(reader, found(**NETWORK))


@pytest.mark.parametrize(
    ("agreed", "reader"),
    [
        (True, NETWORK),
        (True, {"pneumonia": PRESENT}),  # of the rest nothing is said
        (False, {"pneumonia": ABSENT}),
        (False, {"pneumonia": PRESENT, "tuberculosis": PRESENT}),
        (False, {"tuberculosis": OPEN}),
    ],
)
def test_a_word_that_the_decisions_bear_out_counts(reader: dict[str, Presence], *, agreed: bool) -> None:
    assert fitting(agreed, reader, found(**NETWORK)) is agreed


@pytest.mark.parametrize(
    ("agreed", "reader", "message"),
    [
        (True, {"tuberculosis": PRESENT}, "is confirmed, but not every finding .* Correct agreed, or leave it out"),
        (True, {"pneumonia": PRESENT, "tuberculosis": PRESENT}, "is confirmed, but"),
        (True, {"tuberculosis": OPEN}, "is confirmed, but"),
        (False, NETWORK, "is overridden, but every finding .* Correct agreed, or leave it out"),
        (False, {"pneumonia": PRESENT}, "is overridden, but"),
        (True, {"glioma": PRESENT}, r"answered nothing of what is judged.* Leave agreed out\."),
        (False, {}, "answered nothing of what is judged"),
    ],
)
def test_a_word_against_the_decisions_is_refused(reader: dict[str, Presence], message: str, *, agreed: bool) -> None:
    with pytest.raises(InputError, match=message):
        fitting(agreed, reader, found(**NETWORK))


def test_where_the_network_gave_no_answer_there_is_nothing_to_confirm() -> None:
    assert fitting(None, NETWORK, ()) is None
    with pytest.raises(InputError, match="answered nothing"):
        fitting(True, NETWORK, ())
