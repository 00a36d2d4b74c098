"""The keys of the working store: where they come from, and what happens when one is replaced or lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from radiolens.errors import StoreUnavailable
from radiolens.worklist.keys import KEY_BYTES, read_keys


def test_a_first_key_is_made_for_its_owner_alone_and_found_again(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "store.key"
    made = read_keys(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert len(made.current.secret) == KEY_BYTES
    assert read_keys(file).current == made.current


def test_the_environment_comes_before_the_file_which_is_not_made(tmp_path: Path) -> None:
    ring = read_keys(tmp_path / "store.key", f"{'ab' * 32}, {'cd' * 32}")
    assert [key.secret for key in ring.keys] == [b"\xab" * 32, b"\xcd" * 32]
    assert not list(tmp_path.iterdir())


def test_a_key_shows_its_secret_nowhere(tmp_path: Path) -> None:
    key = read_keys(tmp_path / "store.key").current
    assert key.secret.hex() not in f"{key!r} {key} {key.fingerprint.hex()}"
    assert repr(key.secret)[2:-1] not in repr(key)


def test_a_key_at_the_beginning_seals_and_only_kept_ones_still_open(tmp_path: Path) -> None:
    file = tmp_path / "store.key"
    first = read_keys(file).current
    assert [entry.name for entry in tmp_path.iterdir()] == ["store.key"]
    file.write_text(f"{'ab' * 32}\n{first.secret.hex()}\n")
    assert [key.secret for key in read_keys(file).keys] == [b"\xab" * 32, first.secret]
    assert read_keys(file).current.secret == b"\xab" * 32
    assert read_keys(file).find(first.fingerprint) == first
    file.write_text(f"{'cd' * 32}\n{'ab' * 32}\n")
    with pytest.raises(StoreUnavailable, match=f"sealed with the key {first.fingerprint.hex()}.*Put that key back"):
        read_keys(file).find(first.fingerprint)


@pytest.mark.parametrize("text", ["", "short", "zz" * 32, "ab" * 31])
def test_what_is_no_key_is_said_without_repeating_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "store.key"
    file.touch(mode=0o600)
    file.write_text(text)
    with pytest.raises(StoreUnavailable, match=re.escape(str(file))) as raised:
        read_keys(file)
    assert not text or text not in str(raised.value)


def test_a_key_file_that_others_can_read_is_refused_with_the_remedy(tmp_path: Path) -> None:
    file = tmp_path / "store.key"
    read_keys(file)
    file.chmod(0o640)
    with pytest.raises(StoreUnavailable, match=f"mode 640, expected 600.*chmod 600 {re.escape(str(file))}"):
        read_keys(file)


def test_a_place_where_no_key_can_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match=r"store\.key: the key cannot be written"):
        read_keys(tmp_path / "file" / "store.key")
