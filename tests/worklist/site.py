"""A site for tests: a real database, working store and work list, with a network of a few kilobytes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest

from radiolens.imaging.archive import Member
from radiolens.inference.lineup import LiveLineup
from radiolens.safety.gate import Gate
from radiolens.store import site_settings
from radiolens.store.database import Database, open_database
from radiolens.store.schema import LOCAL_USER_ID, UserRow
from radiolens.worklist.acceptance import Accepted
from radiolens.worklist.keys import read_keys
from radiolens.worklist.listing import CaseQuery
from radiolens.worklist.retention import Tidied, tidy
from radiolens.worklist.views import Progress
from radiolens.worklist.work_list import WorkList
from tests.tiny_bundle import CHANNELS, Weights, make_bundle
from tests.web.serving import film, png

__all__ = [
    "FILE_NAME",
    "LEAN",
    "LEAN_ENVIRONMENT",
    "PATIENT",
    "QUOTA_BYTES",
    "WAIT_S",
    "Clock",
    "Site",
    "answering",
    "films",
    "needs_mount",
    "on_a_small_disk",
    "site",
    "wait_until",
]

ROOT = Path(__file__).parents[2]
LEAN = (sys.executable, "-m", "tests.worklist.lean")
LEAN_ENVIRONMENT = {"RADIOLENS_THREADS": "1", "PYTHONPATH": str(ROOT)}
"""For `serving`: the app without the released networks."""

WAIT_S = 120.0
"""For a handful of films; a busy machine takes long for one."""

QUOTA_BYTES = 50_000_000

PATIENT = {
    "PatientName": "Featherstonehaugh^Marjorie",
    "PatientID": "HOSP-4711-0815",
    "PatientBirthDate": "19340217",
    "IssuerOfPatientID": "Saint Elsewhere",
    "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.4242",
    "SOPInstanceUID": "1.2.826.0.1.3680043.8.498.4243",
    "AccessionNumber": "ACC9988776655",
    "ReferringPhysicianName": "Quackenbush^Ebenezer",
    "InstitutionName": "Tumbledown Infirmary",
    "StudyDate": "20260228",
    "StudyDescription": "Marjorie F.",
    "SeriesDescription": "MARJORIE T1",
    "Manufacturer": "Marjorie Imaging Ltd",
    "ImageComments": "Quackenbush asked for it",
}
"""What headers say of a patient who must be found nowhere."""
FILE_NAME = "featherstonehaugh-marjorie.dcm"


@dataclass
class Clock:
    """A clock that a test moves."""

    moment: datetime = field(default_factory=lambda: datetime(2026, 3, 1, 8, tzinfo=UTC))

    def __call__(self) -> datetime:
        self.moment += timedelta(milliseconds=1)
        return self.moment

    def forward(self, **by: float) -> None:
        self.moment += timedelta(**by)


@dataclass
class Site:
    """A work list whose scorers run, and what belongs to it."""

    home: Path
    database: Database
    work_list: WorkList
    clock: Clock

    def user(self, name: str) -> UUID:
        """Make a user and return the id."""
        row = UserRow(id=uuid4(), name=name, roles=[], created=self.database.now())
        with self.database.session() as session:
            session.add(row)
        return row.id

    def second_reader(self) -> None:
        with self.database.session() as session:
            wanted = replace(site_settings.read(session), second_reader=True)
            site_settings.change(session, wanted, LOCAL_USER_ID)

    def accept(self, *contents: bytes, user: UUID = LOCAL_USER_ID, task: str = "chest-xray", **more: bool) -> Accepted:
        members = [Member(f"{number}.png", data) for number, data in enumerate(contents)]
        return self.work_list.accept(members, task, user, **more)

    def case(self, *contents: bytes, **more: object) -> UUID:
        """Send files that become one case, wait until they are scored, and return the case's id."""
        (case,) = self.accept(*contents, **more).cases  # type: ignore[arg-type]  passed on
        self.wait()
        return case.case_id

    def progress(self) -> Progress:
        return self.work_list.cases(LOCAL_USER_ID, CaseQuery()).progress

    def wait(self) -> None:
        """Wait until nothing waits any more."""
        wait_until(lambda: (found := self.progress()).queued == found.scoring == 0)

    def keep_images(self, days: int = 365) -> None:
        with self.database.session() as session:
            wanted = replace(site_settings.read(session), keep_images=True, keep_days=days)
            site_settings.change(session, wanted, LOCAL_USER_ID)

    def tidy(self, left_over_s: float = 900.0) -> Tidied:
        """Erase what is due now."""
        return tidy(self.database, self.work_list.store, self.work_list.keeping, left_over_s)

    def disk(self) -> bytes:
        """Return all bytes in all files of the site."""
        return b"".join(path.read_bytes() for path in sorted(self.home.rglob("*")) if path.is_file())


@contextmanager
def site(
    home: Path,
    *,
    scorers: int = 1,
    weights: Weights | None = None,
    clock: Clock | None = None,
    address: str = "",
    wait_s: float = 10.0,
) -> Iterator[Site]:
    """Open a site in a folder, new or as it was left."""
    bundles = home.parent / f"{home.name}-bundles"
    if not bundles.exists():
        make_bundle(bundles, "chest-xray", weights=weights)
        make_bundle(bundles, "brain-mri")
    clock = clock or Clock()
    database = open_database(address or f"sqlite:///{home}/radiolens.db", clock=clock, wait_s=wait_s)
    lineup = LiveLineup([bundles], gate=Gate.HEADER, threads=1)
    keys = read_keys(home / "store.key")
    work_list = WorkList(database, home, keys, lineup, scorers=scorers, quota_bytes=QUOTA_BYTES)
    work_list.start()
    try:
        yield Site(home, database, work_list, clock)
    finally:
        work_list.stop()
        database.close()


def answering(*logits: float) -> Weights:
    """Return the weights of a network that gives every image these logits."""
    kernel, head = np.zeros((CHANNELS, 1, 4, 4), np.float32), np.zeros((CHANNELS, len(logits)), np.float32)
    return kernel, head, np.array(logits, np.float32)


def films(count: int) -> Sequence[bytes]:
    """Return so many different films."""
    return [png(film(seed)) for seed in range(count)]


def can_mount() -> bool:
    """Say whether a file system of our own can be mounted: on Linux, where the kernel lets users have namespaces."""
    try:
        probe = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=False)
    except FileNotFoundError:
        return False
    return probe.returncode == 0


needs_mount = pytest.mark.skipif(not can_mount(), reason="needs unshare(1) with user and mount namespaces")


def on_a_small_disk(folder: Path, megabytes: int, script: str) -> str:
    """Run a script in a process for which `folder` is a disk of this size; return what it printed."""
    mount = f'mount -t tmpfs -o size={megabytes}m tmpfs "{folder}" && exec "$0" "$@"'
    command = ["unshare", "-rm", "sh", "-c", mount, sys.executable, "-c", script, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def wait_until(true: Callable[[], bool], seconds: float = WAIT_S) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds:.0f} s"
        time.sleep(0.05)
