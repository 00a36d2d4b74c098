from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from radiolens.data.download import Patience, download
from radiolens.errors import DatasetError, PeerError
from tests.data.file_server import Behaviour, file_server

CONTENT = np.random.default_rng(0).bytes(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUICK = Patience(connect_s=10, read_s=10, tries=3, first_wait_s=0.01)


@pytest.fixture
def server() -> Behaviour:
    return Behaviour(CONTENT)


@pytest.fixture
def address(server: Behaviour) -> Iterator[str]:
    with file_server(server) as root:
        yield f"{root}/file.bin"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "set" / "file.bin"


def left_in(target: Path) -> set[str]:
    return {path.name for path in target.parent.iterdir()}


def test_a_file_is_downloaded_and_checked(address: str, target: Path) -> None:
    steps: list[tuple[int, int]] = []
    done = download(address, target, sha256=SHA256, file_bytes=len(CONTENT), progress=lambda *step: steps.append(step))
    assert (done.file, done.file_bytes, done.sha256) == (target, len(CONTENT), SHA256)
    assert target.read_bytes() == CONTENT
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    assert left_in(target) == {"file.bin"}


@pytest.mark.parametrize("validator", ["etag", "weak", "modified"])
def test_a_connection_that_breaks_is_gone_on_with_in_the_middle(
    validator: str, server: Behaviour, address: str, target: Path
) -> None:
    server.validator = validator
    server.cut_after = [1_000_000, 500_000]
    download(address, target, sha256=SHA256, patience=QUICK)
    assert target.read_bytes() == CONTENT
    assert [request.get("Range") for request in server.log] == [None, "bytes=1000000-", "bytes=1500000-"]


def test_progress_resets_the_patience(server: Behaviour, address: str, target: Path) -> None:
    server.cut_after = [100_000] * 10
    assert download(address, target, patience=QUICK).sha256 == SHA256
    assert len(server.log) == 11


def test_a_later_call_goes_on_where_the_first_was_cut(server: Behaviour, address: str, target: Path) -> None:
    server.cut_after = [2_000_000, 0, 0, 0]
    with pytest.raises(PeerError, match=r"no answer that lasts, in 3 tries .*run it again") as error:
        download(address, target, patience=QUICK)
    assert error.value.address == address
    assert left_in(target) == {"file.bin.part", "file.bin.part.json"}
    server.cut_after = []
    assert download(address, target, patience=QUICK).sha256 == SHA256
    assert server.log[-1]["Range"] == "bytes=2000000-"
    assert left_in(target) == {"file.bin"}


def test_an_interruption_keeps_what_has_come(server: Behaviour, address: str, target: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(address, target, progress=interrupt)
    have = (target.parent / "file.bin.part").stat().st_size
    assert 0 < have < len(CONTENT)
    assert download(address, target).sha256 == SHA256
    assert server.log[-1]["Range"] == f"bytes={have}-"


def test_a_part_that_is_whole_is_only_finished(server: Behaviour, address: str, target: Path) -> None:
    server.cut_after = [2_000_000, 0, 0, 0]
    with pytest.raises(PeerError):
        download(address, target, patience=QUICK)
    target.with_name("file.bin.part").write_bytes(CONTENT)
    server.cut_after = []
    assert download(address, target, sha256=SHA256).sha256 == SHA256
    assert server.log[-1]["Range"] == f"bytes={len(CONTENT)}-"


def test_a_part_longer_than_the_file_starts_anew(server: Behaviour, address: str, target: Path) -> None:
    server.cut_after = [2_000_000, 0, 0, 0]
    with pytest.raises(PeerError):
        download(address, target, patience=QUICK)
    target.with_name("file.bin.part").write_bytes(CONTENT + b"!")
    server.cut_after = []
    assert download(address, target, sha256=SHA256, patience=QUICK).sha256 == SHA256


def test_a_server_without_parts_is_asked_for_the_whole(server: Behaviour, address: str, target: Path) -> None:
    server.ranges = False
    server.cut_after = [1_000_000]
    assert download(address, target, sha256=SHA256, patience=QUICK).sha256 == SHA256
    assert server.log[-1]["Range"] == "bytes=1000000-"


def test_a_part_without_a_mark_of_its_version_starts_anew(server: Behaviour, address: str, target: Path) -> None:
    server.validator = "nothing"
    server.cut_after = [1_000_000]
    assert download(address, target, patience=QUICK).sha256 == SHA256
    assert "Range" not in server.log[-1]


def test_a_file_that_changed_meanwhile_starts_anew(server: Behaviour, address: str, target: Path) -> None:
    server.cut_after = [1_000_000, 0, 0, 0]
    with pytest.raises(PeerError):
        download(address, target, patience=QUICK)
    server.content = CONTENT[::-1]
    assert download(address, target, patience=QUICK).sha256 == hashlib.sha256(server.content).hexdigest()
    assert target.read_bytes() == server.content


def test_the_part_of_another_address_is_not_gone_on_with(server: Behaviour, address: str, target: Path) -> None:
    server.cut_after = [1_000_000, 0, 0, 0]
    with pytest.raises(PeerError):
        download(address, target, patience=QUICK)
    assert download(f"{address}?other", target, patience=QUICK).sha256 == SHA256
    assert "Range" not in server.log[-1]


def test_a_server_that_sends_another_part_than_asked_for_is_not_believed(
    server: Behaviour, address: str, target: Path
) -> None:
    server.cut_after = [1_000_000]
    server.wrong_start = True
    assert download(address, target, sha256=SHA256, patience=QUICK).sha256 == SHA256
    assert [request.get("Range") for request in server.log] == [None, "bytes=1000000-", None]


def test_a_wrong_checksum_is_refused_with_both_and_the_file_removed(address: str, target: Path) -> None:
    with pytest.raises(DatasetError, match=f"found SHA-256 {SHA256}, expected {'0' * 64}"):
        download(address, target, sha256="0" * 64)
    assert left_in(target) == set()


def test_a_wrong_size_is_refused_before_it_is_downloaded(server: Behaviour, address: str, target: Path) -> None:
    with pytest.raises(DatasetError, match="the server has 3000000 bytes, expected 10"):
        download(address, target, file_bytes=10)
    assert left_in(target) == set()


def test_an_answer_of_unknown_length_is_bounded_by_the_expected_size(
    server: Behaviour, address: str, target: Path
) -> None:
    server.announce_length = False
    with pytest.raises(DatasetError, match="more came than the 10 bytes announced"):
        download(address, target, file_bytes=10)
    assert "file.bin.part" not in left_in(target)
    assert download(address, target, sha256=SHA256).file_bytes == len(CONTENT)


def test_an_answer_of_unknown_length_that_ends_early_is_refused_by_its_size(
    server: Behaviour, address: str, target: Path
) -> None:
    server.announce_length = False
    server.cut_after = [1000]
    with pytest.raises(DatasetError, match="found size 1000, expected 3000000"):
        download(address, target, file_bytes=3_000_000)


@pytest.mark.parametrize(
    ("status", "advice"), [(404, "moved or is gone"), (403, "may need an account"), (401, "an account"), (451, "had")]
)
def test_a_refusal_is_told_with_its_status_at_once(
    status: int, advice: str, server: Behaviour, address: str, target: Path
) -> None:
    server.statuses = [status]
    with pytest.raises(PeerError, match=rf"HTTP status {status}\. .*{advice}") as error:
        download(address, target, patience=QUICK)
    assert error.value.status == status
    assert len(server.log) == 1


def test_a_passing_refusal_is_waited_out(server: Behaviour, address: str, target: Path) -> None:
    server.statuses = [503, 429]
    server.headers = {"Retry-After": "0"}
    assert download(address, target, patience=QUICK).sha256 == SHA256
    assert len(server.log) == 3


def test_patience_ends(server: Behaviour, address: str, target: Path) -> None:
    server.statuses = [500] * 9
    with pytest.raises(PeerError, match=r"in 3 tries \(HTTP status 500"):
        download(address, target, patience=QUICK)
    assert len(server.log) == 3


def test_a_slow_server_is_waited_for_and_one_that_stops_is_asked_again(
    server: Behaviour, address: str, target: Path
) -> None:
    server.wait_s = 0.2
    assert download(address, target, patience=QUICK).sha256 == SHA256
    server.wait_s = 60
    with pytest.raises(PeerError, match="ReadTimeoutError"):
        download(f"{address}?again", target, patience=Patience(read_s=0.2, tries=1, first_wait_s=0.01))


def test_a_redirection_is_followed(address: str, target: Path) -> None:
    assert download(address.replace("file.bin", "moved"), target, patience=QUICK).sha256 == SHA256


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate for 127.0.0.1, with its key, that this process trusts."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    file = tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(file), "-out", str(tmp_path / "public.pem")]
    subprocess.run(command, check=True, capture_output=True)
    file.write_text(file.read_text() + (tmp_path / "public.pem").read_text())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "public.pem"))
    return file


def test_an_encrypted_address_that_leads_to_an_open_one_is_refused(
    certificate: Path, address: str, server: Behaviour, target: Path
) -> None:
    encrypted = Behaviour(CONTENT)
    with file_server(encrypted, certificate) as root:
        assert download(f"{root}/moved", target, patience=QUICK).sha256 == SHA256
        encrypted.moved_to = address
        with pytest.raises(PeerError, match="redirects from https to http, which nobody vouches for"):
            download(f"{root}/moved", target, patience=QUICK)


def test_a_certificate_that_nobody_vouches_for_is_refused(
    certificate: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with (
        file_server(Behaviour(CONTENT), certificate) as root,
        pytest.raises(PeerError, match="nobody known here vouches for its certificate"),
    ):
        download(f"{root}/file.bin", target, patience=QUICK)


def test_nobody_there_is_told(target: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/file.bin"
    with pytest.raises(PeerError, match="no answer that lasts, in 3 tries"):
        download(address, target, patience=QUICK)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/a", "host/a", "http:///a", "https://me:pw@host/a"])
def test_an_address_of_another_kind_is_refused(url: str, target: Path) -> None:
    with pytest.raises(PeerError, match="only addresses with http"):
        download(url, target)


def test_a_full_disk_is_told_before_the_download(address: str, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(target.anchor)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DatasetError, match=r"0\.0 GB are to come, 0\.0 GB are free, of which 0\.3 GB stay so"):
        download(address, target)
    assert left_in(target) == set()


def test_the_proxy_of_the_environment_is_used(
    server: Behaviour, address: str, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", address.rsplit("/", 1)[0])
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert download("http://data.example/file.bin", target, patience=QUICK).sha256 == SHA256
    assert server.log[0]["Host"] == "data.example"


def test_an_empty_file_is_a_file(server: Behaviour, address: str, target: Path) -> None:
    server.content = b""
    assert download(address, target).file_bytes == 0
