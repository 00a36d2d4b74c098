from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiolens.data.pseudonym import SALT_BYTES, new_salt, pseudonym, stored_salt
from radiolens.errors import DatasetError

SALT = bytes(range(SALT_BYTES))


@given(st.text(), st.text())
def test_one_patient_has_one_pseudonym_and_another_another(first: str, second: str) -> None:
    assert (pseudonym(SALT, "patient", first) == pseudonym(SALT, "patient", second)) is (first == second)


def test_a_pseudonym_is_hmac_sha256_as_openssl_computes_it() -> None:
    # printf 'patient\0Doe^Jane' | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102...1f
    assert pseudonym(SALT, "patient", "Doe^Jane") == "d8e6675d365a5aa4"


def test_another_salt_or_kind_gives_another_pseudonym() -> None:
    assert (
        len({pseudonym(SALT, "patient", "1"), pseudonym(SALT, "study", "1"), pseudonym(new_salt(), "patient", "1")})
        == 3
    )


def test_a_stored_salt_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "salt"
    salt = stored_salt(file)
    assert len(salt) == SALT_BYTES
    assert stored_salt(file) == salt
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"hello", "cannot be read as a salt"), (b"00" * 31, "found a salt of 31 bytes"), (b"\xff", "as a salt")],
)
def test_a_file_that_holds_no_salt_is_told_and_kept(content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "salt"
    file.write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        stored_salt(file)
    assert file.read_bytes() == content


def test_a_salt_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="the salt cannot be written"):
        stored_salt(tmp_path / "none" / "salt")
