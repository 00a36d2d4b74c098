"""What a case says of itself."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from radiolens.data.case import Case


@pytest.mark.parametrize(
    ("labels", "unaffected"),
    [
        ({"pneumonia": 0, "tuberculosis": 0}, True),
        ({"pneumonia": 0, "tuberculosis": None}, True),
        ({"pneumonia": 0, "tuberculosis": 1}, False),
        ({"pneumonia": None, "tuberculosis": None}, False),
        ({}, False),
    ],
)
def test_a_case_is_unaffected_where_something_is_annotated_and_all_of_it_absent(
    labels: Mapping[str, int | None], unaffected: bool
) -> None:
    assert Case("film.png", labels=labels).unaffected is unaffected
