"""The working store: what it gives back, what lies on the disk, and what it says of damage, loss and a full disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiolens.errors import StoreUnavailable, WrongState
from radiolens.worklist.keys import Key, KeyRing
from radiolens.worklist.sealing import HEADER_BYTES
from radiolens.worklist.working_store import WorkingStore
from tests.worklist.site import needs_mount, on_a_small_disk

KEYS = KeyRing([Key(b"k" * 32)])
PIECE = 1 << 20
SECRET = b"DOE^JANE born 1980-02-03 "


def new_store(folder: Path, keys: KeyRing = KEYS) -> WorkingStore:
    return WorkingStore.open(folder / "working", keys)


def contents(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.parametrize(
    "parts",
    [
        (b"",),
        (b"one",),
        (b"first", b"", b"third"),
        (b"x" * PIECE,),
        (b"x" * (PIECE - 12),),  # with the count and one length in front exactly one piece
        (b"x" * (3 * PIECE + 5), b"y" * (PIECE - 1)),
        tuple(bytes([number]) * 3 for number in range(250)),
    ],
)
def test_what_was_put_is_given_back(tmp_path: Path, parts: tuple[bytes, ...]) -> None:
    store = new_store(tmp_path)
    assert store.get(store.put(parts)) == parts


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.integers(0, 2**16))
def test_any_bytes_are_given_back_and_any_changed_byte_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], where: int
) -> None:
    folder = tmp_path_factory.getbasetemp() / "changed"
    store = new_store(folder)
    name = store.put(parts)
    assert store.get(name) == tuple(parts)
    file = folder / "working" / name
    data = bytearray(file.read_bytes())
    data[where % len(data)] ^= 1
    file.write_bytes(data)
    with pytest.raises(StoreUnavailable):
        store.get(name)
    store.erase(name)


def test_nothing_lies_in_clear_and_names_are_random(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    content = SECRET * 100_000
    names = {store.put([content]), store.put([content])}
    assert len(names) == 2
    assert SECRET[:9] not in contents(tmp_path)
    assert set(store.names()) == names
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert (tmp_path / "working").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("keep", [0, HEADER_BYTES, HEADER_BYTES + PIECE + 16, -16, -1])
def test_an_object_that_was_cut_is_damaged(tmp_path: Path, keep: int) -> None:
    store = new_store(tmp_path)
    name = store.put([b"x" * (2 * PIECE)])
    file = tmp_path / "working" / name
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(StoreUnavailable, match=r"damaged|no working copy"):
        store.get(name)


def test_an_object_opens_under_its_own_name_only(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    one, other = store.put([b"one"]), store.put([b"other"])
    (tmp_path / "working" / one).replace(tmp_path / "working" / other)
    with pytest.raises(StoreUnavailable, match="damaged"):
        store.get(other)


def test_a_replaced_key_still_opens_and_a_lost_one_is_named(tmp_path: Path) -> None:
    name = new_store(tmp_path).put([b"image"])
    old, new = KEYS.current, Key(b"n" * 32)
    store = new_store(tmp_path, KeyRing([new, old]))
    assert store.get(name) == (b"image",)
    assert store.used_keys() == {old.fingerprint}
    store.put([b"other"])
    assert store.used_keys() == {old.fingerprint, new.fingerprint}
    with pytest.raises(StoreUnavailable, match=f"sealed with the key {old.fingerprint.hex()}"):
        new_store(tmp_path, KeyRing([new])).get(name)


def test_what_is_erased_is_gone_and_says_so_and_erasing_it_again_is_no_error(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    name = store.put([SECRET])
    store.erase(name)
    store.erase(name)
    assert list(store.names()) == []
    assert contents(tmp_path) == b""
    with pytest.raises(WrongState, match="The image was erased"):
        store.get(name)


def test_another_hand_on_the_erased_file_holds_nothing_that_opens_it(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    name = store.put([SECRET])
    file, kept = tmp_path / "working" / name, tmp_path / "kept"
    before = file.read_bytes()
    os.link(file, kept)
    store.erase(name)
    assert kept.read_bytes()[HEADER_BYTES:] == before[HEADER_BYTES:]
    assert kept.read_bytes()[:HEADER_BYTES] != before[:HEADER_BYTES]
    kept.rename(file)
    with pytest.raises(StoreUnavailable):
        store.get(name)


def test_only_what_is_old_enough_is_named_and_strange_files_never_are(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    old, new = store.put([b"old"]), store.put([b"new"])
    os.utime(tmp_path / "working" / old, (0, 0))
    (tmp_path / "working" / "README").touch()
    assert set(store.names()) == {old, new}
    assert list(store.names(older_than_s=3600)) == [old]


@pytest.mark.parametrize("name", ["", "..", "../keys", "A" * 32, "0" * 31])
def test_a_name_cannot_leave_the_folder(tmp_path: Path, name: str) -> None:
    store = new_store(tmp_path)
    with pytest.raises(ValueError, match="no name of a working copy"):
        store.get(name)
    with pytest.raises(ValueError, match="no name of a working copy"):
        store.erase(name)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="the working store cannot be made"):
        WorkingStore.open(tmp_path / "file" / "working", KEYS)


FULL = """
import sys
from pathlib import Path
from radiolens.errors import StoreFull
from radiolens.worklist.keys import Key, KeyRing
from radiolens.worklist.working_store import WorkingStore
store = WorkingStore.open(Path(sys.argv[1]) / "working", KeyRing([Key(b"k" * 32)]))
kept = store.put([b"x" * 500_000])
try:
    store.put([b"y" * 3_000_000])
except StoreFull as error:
    print(error)
assert store.get(kept) == (b"x" * 500_000,)
assert list(store.names()) == [kept]
store.put([b"z" * 500_000])
"""


@needs_mount
def test_a_full_disk_is_said_and_what_was_kept_stays(tmp_path: Path) -> None:
    told = on_a_small_disk(tmp_path, 2, FULL)
    assert "is full, so nothing was stored" in told
    assert "Close cases that are done" in told
