"""A site for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.worklist.site import Site, answering, site


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a site whose network says that every film shows pneumonia and not tuberculosis."""
    with site(tmp_path_factory.mktemp("site") / "home", weights=answering(2.0, -1.0)) as found:
        yield found
