"""The work list as the app, and whoever writes a program for it, sees it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from pathlib import Path
from uuid import UUID

from radiolens.errors import StoreUnavailable, WrongState
from radiolens.image import Image
from radiolens.imaging.archive import Member
from radiolens.imaging.selection import MIDDLE, SliceSelection
from radiolens.imaging.untrusted import read_untrusted
from radiolens.inference.lineup import LiveLineup
from radiolens.prediction import Explanation, Presence
from radiolens.store import audit
from radiolens.store.database import Database
from radiolens.worklist import listing, reading
from radiolens.worklist.acceptance import Acceptance, Accepted
from radiolens.worklist.keeping import Keeping, KeptFilter, enter_copies, erase_kept
from radiolens.worklist.keys import KeyRing
from radiolens.worklist.listing import CaseQuery
from radiolens.worklist.maps import maps_from_bytes
from radiolens.worklist.owners import Owners
from radiolens.worklist.queue import Queue
from radiolens.worklist.reading import Answer
from radiolens.worklist.retention import Retention
from radiolens.worklist.scorer import Scorer
from radiolens.worklist.table import rows
from radiolens.worklist.views import CasePage, CaseSummary, CaseView, Progress
from radiolens.worklist.working_store import FOLDER, WorkingStore

__all__ = ["WorkList"]


class WorkList:
    """The work list of a site: one in each process that shares its database and working store. Thread-safe.

    Every method that takes a `viewer` (a user's id) gives and does only what disclosure.py allows that user. Methods
    raise StoreError if the database or the working store does not answer, UnknownCase for a case that there is not.
    """

    def __init__(
        self, database: Database, folder: Path, keys: KeyRing, lineup: LiveLineup, *, scorers: int, quota_bytes: int
    ) -> None:
        self.database = database
        self.store = WorkingStore.open(folder / FOLDER, keys)
        self._owners = Owners(folder / "workers")
        self._listeners: list[Callable[[], None]] = []
        self._listening = threading.Lock()
        queue = Queue(database, self._owners)
        self._acceptance = Acceptance(database, self.store, quota_bytes)
        self._scorer = Scorer(queue, self.store, lineup, scorers, self._tell)
        self.keeping = Keeping(database, self.store, quota_bytes)
        self._retention = Retention(database, self.store, self.keeping)

    def start(self) -> None:
        """Begin to score and to tidy up."""
        self._scorer.start()
        self._retention.start()

    def stop(self) -> None:
        """End; images in hand are finished, what waits is scored after the next start."""
        self._scorer.stop()
        self._retention.stop()
        self._owners.close()

    def listen(self, told: Callable[[], None]) -> Callable[[], None]:
        """Have `told` called, in any thread, when something changed; return what ends it."""
        with self._listening:
            self._listeners.append(told)

        def end() -> None:
            with self._listening:
                self._listeners.remove(told)

        return end

    def accept(
        self, members: list[Member], task: str, user: UUID, *, together: bool = False, bundle: str | None = None
    ) -> Accepted:
        """Take in files and archives: on return they are sealed on the disk and in the queue (`Acceptance.accept`)."""
        accepted = self._acceptance.accept(members, task, user, together=together, bundle=bundle)
        self._scorer.wake()
        self._tell()
        return accepted

    def cases(self, viewer: UUID, query: CaseQuery) -> CasePage:
        """Return a page of the list."""
        with self.database.reading() as session:
            return listing.page_of(session, viewer, query)

    def summaries(self, viewer: UUID, cases: Collection[UUID]) -> tuple[CaseSummary, ...]:
        """Return the rows of some cases."""
        with self.database.reading() as session:
            return listing.summaries(session, viewer, cases)

    def changed_since(self, moment: datetime) -> Mapping[UUID, datetime]:
        """Return the cases that changed at a moment or later, and when they did last."""
        with self.database.reading() as session:
            return listing.changed_since(session, moment)

    def progress(self, case_id: UUID) -> Progress:
        """Return how far the images of a case are; a program may ask for it often."""
        with self.database.reading() as session:
            found = listing.progress_of(session, case_id)
        if found is None:
            raise reading.unknown_case()
        return found

    def progress_of_all(self) -> Progress:
        """Return how far the images of all open cases are."""
        with self.database.reading() as session:
            return listing.progress_of_all(session)

    def case(self, viewer: UUID, case_id: UUID) -> CaseView:
        """Return a case; the audit log tells who saw it, and whether the answer was disclosed."""
        with self.database.session() as session:
            found = reading.view(session, viewer, case_id)
            told = {"disclosed": found.summary.disclosed}
            audit.append(session, viewer, "case.view", f"case:{case_id}", told)
            return found

    def export(self, viewer: UUID, query: CaseQuery) -> tuple[tuple[str, ...], ...]:
        """Return the table of the cases that fit a query (`table.COLUMNS`); the audit log tells who took it out."""
        with self.database.reading() as session:
            table = tuple(rows(session, viewer, query))
        with self.database.session() as session:  # apart, since reading all cases must not keep others from writing
            audit.append(session, viewer, "case.export", "", {"cases": len({row[0] for row in table})})
        return table

    def image(self, viewer: UUID, case_id: UUID, image_id: UUID, selection: SliceSelection = MIDDLE) -> Image:
        """Return the pixels of an image, decoded from its working copy in the sandbox.

        Raises WrongState if it is erased, UnreadableImage if it is none.
        """
        return read_untrusted(self.store.get(self._store_name(viewer, case_id, image_id)), selection)

    def check_image(self, viewer: UUID, case_id: UUID, image_id: UUID) -> None:
        """Raise WrongState if an image is erased: of one that is decoded already this is all there is to ask."""
        self._store_name(viewer, case_id, image_id)

    def maps(self, viewer: UUID, case_id: UUID, image_id: UUID) -> Explanation | None:
        """Return the heat maps of an image as the engine gave them, None if it has none.

        Raises WrongState while the answer is hidden from the user, once the maps are erased, and if a power cut took
        them, which are not waited for as images are.
        """
        with self.database.reading() as session:
            row, disclosed = reading.image_of(session, viewer, case_id, image_id)
            name, erased = row.map_name, row.erased
        if not disclosed:
            raise WrongState("The network's answer is not revealed yet. Commit an answer of your own first.")
        if erased:
            raise WrongState("The image and its heat maps were erased, as the site's rules have it.")
        if name is None:
            return None
        try:
            (content,) = self.store.get(name)
            return maps_from_bytes(content)
        except (StoreUnavailable, WrongState) as error:
            raise WrongState(
                "The heat maps of this image cannot be opened; a power cut may have damaged them. The answer holds. "
                "Send the image again to see where the network looked."
            ) from error

    def answer(self, reader: UUID, case_id: UUID, said: Answer) -> CaseView:
        """Commit a reader's answer, and return the case as the reader sees it now. Raises as `reading.answer`."""
        with self.database.session() as session:
            reading.answer(session, reader, case_id, said)
            session.flush()
            session.expire_all()
            found = reading.view(session, reader, case_id)
        self._tell()
        return found

    def diagnose(self, user: UUID, case_id: UUID, presence: Mapping[str, Presence], test: str) -> CaseView:
        """Attach what another test told. Raises as `reading.diagnose`."""
        with self.database.session() as session:
            reading.diagnose(session, user, case_id, presence, test)
            session.flush()
            session.expire_all()
            found = reading.view(session, user, case_id)
        self._tell()
        return found

    def close(self, user: UUID, case_id: UUID) -> CaseView:
        """Close a case and erase its images; where the site keeps images, de-identified copies are made before.

        Raises as `reading.close`.
        """
        with self.keeping.copies_of(case_id) as copies, self.database.session() as session:
            enter_copies(session, user, case_id, copies)
            names = reading.close(session, user, case_id)
            found = reading.view(session, user, case_id)
        self._erase(names)
        return found

    def erase(self, user: UUID, case_id: UUID) -> CaseView:
        """Erase the images of a case, those that are kept as well; its results stay."""
        with self.database.session() as session:
            names = reading.erase_images(session, user, case_id)
            names += erase_kept(session, user, KeptFilter(case_id=case_id))
            found = reading.view(session, user, case_id)
        self._erase(names)
        return found

    def _erase(self, names: Collection[str]) -> None:
        """Erase working copies; what fails now is swept away later, since no row names it any more."""
        try:
            for name in names:
                self.store.erase(name)
        finally:
            self._tell()

    def _store_name(self, viewer: UUID, case_id: UUID, image_id: UUID) -> str:
        with self.database.reading() as session:
            name = reading.image_of(session, viewer, case_id, image_id)[0].store_name
        if name is None:
            raise WrongState("The image was erased, as the site's rules have it. Only its results are kept.")
        return name

    def _tell(self) -> None:
        with self._listening:
            listeners = tuple(self._listeners)
        for told in listeners:
            told()
