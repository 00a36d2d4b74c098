"""A desk for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.reading.desk import Desk, desk


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Give a desk whose network suspects pneumonia in every film, and no tuberculosis."""
    with desk(tmp_path_factory.mktemp("desk")) as found:
        yield found
