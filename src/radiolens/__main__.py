"""Runs `python -m radiolens`."""

from __future__ import annotations

from radiolens.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
