"""Ports for programs that tests start."""

from __future__ import annotations

import random
import socket

__all__ = ["free_port"]

_FIRST, _LAST = 20_000, 32_767
"""Below those that Linux gives to who asks for any, so that no connection takes one before its program does."""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses; which one is chance, for other tests look for one as well."""
    while True:
        port = random.SystemRandom().randint(_FIRST, _LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
