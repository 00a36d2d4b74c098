"""One site for all tests of accounts; each makes people of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from radiolens.web.accounts.principal import Role
from tests.web.accounts.site import Site, running_site


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    """Return a site that has an administrator already."""
    with running_site(sign_ins_per_minute=1000) as found:  # all tests come from one address
        found.add(Role.ADMINISTRATOR, name="first")
        yield found
