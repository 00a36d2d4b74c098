"""What schemathesis sends: files of which some can be answered, and the API tokens of several people in turn.

It is loaded by the program `schemathesis`, which test_schemathesis.py starts with SCHEMATHESIS_HOOKS.
"""

from __future__ import annotations

import itertools
import os

import schemathesis
import schemathesis.openapi
from hypothesis import strategies

from tests.web.serving import film, head_series, png

IMAGES = (png(film(1)), png(film(2)), *head_series(1))
NO_IMAGES = (b"no image", IMAGES[0][:200], b"")
TOKENS = os.environ.get("API_TOKENS", "")
"""With commas between them; an empty one is of somebody who is not signed in. None for a site without accounts."""

schemathesis.openapi.format("binary", strategies.sampled_from((*IMAGES, *NO_IMAGES)))

if TOKENS:
    _turns = itertools.cycle(TOKENS.split(","))

    @schemathesis.hook
    def before_call(_context: schemathesis.HookContext, case: schemathesis.Case, _arguments: object) -> None:
        """Sign the request."""
        token = next(_turns)
        case.headers = {**(case.headers or {}), **({"Authorization": f"Bearer {token}"} if token else {})}
