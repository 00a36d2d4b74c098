"""What several studies' headers may call the same part of the body."""

from __future__ import annotations

__all__ = ["HEAD_WORDS"]

HEAD_WORDS = (
    *("SKULL", "HEADNECK", "CRANIUM", "NEUROCRANIUM", "CEREBRUM", "CEREBRAL"),
    *("KOPF", "SCHAEDEL", "SCHADEL", "HIRN", "GEHIRN", "HIRNSCHAEDEL", "TETE", "CRANE", "CERVEAU", "ENCEPHALE"),
    *("CABEZA", "CRANEO", "CEREBRO", "ENCEFALO", "CABECA", "CRANIO", "TESTA", "CERVELLO", "HOOFD", "HERSENEN"),
)
"""Beside HEAD and BRAIN: English, German, French, Spanish, Portuguese, Italian and Dutch, in capitals, no accents."""
