"""Erases what the site's rules leave no more time for: images of cases that stayed open too long, and left-overs."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from sqlalchemy import select

from radiolens.errors import StoreError
from radiolens.store import audit
from radiolens.store.database import Database
from radiolens.store.schema import CaseRow, ImageRow, KeptImageRow
from radiolens.worklist.keeping import Keeping, KeptFilter, enter_copies, erase_kept, kept_images
from radiolens.worklist.reading import erase_images
from radiolens.worklist.working_store import WorkingStore

__all__ = ["Retention", "Tidied", "tidy"]

_log = logging.getLogger(__name__)

_EVERY_S = 60.0
_LEFT_OVER_S = 900.0  # images are written, or renewed, just before they are named in the database: for seconds


@dataclass(frozen=True)
class Tidied:
    """How many cases lost their images, how many kept images ran out, and how many files nobody named any more."""

    cases: int = 0
    kept: int = 0
    left_over: int = 0


def tidy(database: Database, store: WorkingStore, keeping: Keeping, left_over_s: float = _LEFT_OVER_S) -> Tidied:
    """Erase what is due by the database's clock, and working copies of that age in seconds that no row names.

    Where the site keeps de-identified images, copies of a case's images are made before they go. Raises StoreError;
    what was erased until then stays so, and the next call goes on.
    """
    return Tidied(
        _erase_cases(database, store, keeping), _erase_kept(database, store), _sweep(database, store, left_over_s)
    )


class Retention:
    """A thread that tidies every minute until `stop`."""

    def __init__(self, database: Database, store: WorkingStore, keeping: Keeping) -> None:
        self._database = database
        self._store = store
        self._keeping = keeping
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        """Begin at once."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._thread.join(_EVERY_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                tidy(self._database, self._store, self._keeping)
            except StoreError as error:
                _log.warning("What is due to be erased is not erased yet; it is tried again. %s", error)
            self._stopping.wait(_EVERY_S)


def _erase_cases(database: Database, store: WorkingStore, keeping: Keeping) -> int:
    with database.reading() as session:
        has_copies = ImageRow.store_name.is_not(None) | ImageRow.map_name.is_not(None)
        query = select(CaseRow.id).join(ImageRow, ImageRow.case_id == CaseRow.id)
        due = session.scalars(query.where(CaseRow.erase_after <= database.now(), has_copies).distinct()).all()
    for case_id in due:
        with keeping.copies_of(case_id) as copies, database.session() as session:
            enter_copies(session, audit.PROGRAM, case_id, copies)
            names = erase_images(session, audit.PROGRAM, case_id)
        for name in names:
            store.erase(name)
    return len(due)


def _erase_kept(database: Database, store: WorkingStore) -> int:
    over = KeptFilter(over_at=database.now())
    with database.reading() as session:
        if not kept_images(session, over):
            return 0
    with database.session() as session:
        names = erase_kept(session, audit.PROGRAM, over)
    for name in names:
        store.erase(name)
    return len(names)


def _sweep(database: Database, store: WorkingStore, left_over_s: float) -> int:
    old = set(store.names(left_over_s))
    if not old:
        return 0
    with database.reading() as session:
        named = {
            *session.scalars(select(ImageRow.store_name).where(ImageRow.store_name.is_not(None))),
            *session.scalars(select(ImageRow.map_name).where(ImageRow.map_name.is_not(None))),
            *session.scalars(select(KeptImageRow.store_name).where(KeptImageRow.erased.is_(None))),
        }
    left_over = (old - named).intersection(store.names(left_over_s))  # but for those that were renewed meanwhile
    for name in left_over:
        store.erase(name)
    return len(left_over)
