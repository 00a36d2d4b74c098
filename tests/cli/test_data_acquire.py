from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from radiolens.cli import cli
from tests.data.file_server import Behaviour, file_server


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["data", "acquire", *map(str, arguments)])


@pytest.fixture
def server() -> Behaviour:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("train/glioma/a.png", b"picture")
    return Behaviour(stream.getvalue())


@pytest.fixture
def address(server: Behaviour) -> Iterator[str]:
    with file_server(server) as root:
        yield f"{root}/file.zip"


@pytest.fixture
def catalogue(address: str, tmp_path: Path) -> Path:
    file = tmp_path / "ours.toml"
    file.write_text(
        '[[set]]\nname = "ours"\ntitle = "Our slices"\npage = "https://page"\nlicence = "CC0"\ncitation = "Us"\n'
        f'instructions = "Sign the form."\n[[set.file]]\nname = "slices.zip"\nurl = "{address}"\n'
        '[[set.file]]\nname = "folds.csv"\n'
    )
    return file


def test_the_sets_are_listed() -> None:
    lines = run("--list").stdout.splitlines()
    assert lines[0].split()[:3] == ["guangzhou", "chest-xray", "download"]
    entries = json.loads(run("--list", "--json").stdout)
    assert [entry["name"] for entry in entries] == [line.split()[0] for line in lines]


def test_one_set_is_shown_with_page_terms_and_files() -> None:
    shown = run("guangzhou", "--list").stdout
    for expected in (
        "https://data.mendeley.com/datasets/rscbjbr9sj/2",
        "CC BY 4.0",
        "ChestXRay2017.zip",
        "checksum unknown",
    ):
        assert expected in shown


def test_a_set_is_acquired_and_a_file_to_place_by_hand_is_named(catalogue: Path, tmp_path: Path) -> None:
    to = tmp_path / "to"
    result = run("ours", "--catalogue", catalogue, "--to", to)
    assert result.exit_code == 1
    assert "licence: CC0" in result.stderr
    assert f"folds.csv must be placed in {to} by hand. Sign the form. Page: https://page." in result.stderr
    (to / "folds.csv").write_text("1\n")
    result = run("ours", "--catalogue", catalogue, "--to", to, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["folds.csv"] == {"sha256": hashlib.sha256(b"1\n").hexdigest(), "bytes": 2}
    assert (to / "slices" / "train" / "glioma" / "a.png").read_bytes() == b"picture"


def test_a_file_at_an_address_is_acquired_with_its_checksum(server: Behaviour, address: str, tmp_path: Path) -> None:
    sha256 = hashlib.sha256(server.content).hexdigest()
    result = run("--from", address, "--sha256", sha256.upper(), "--to", tmp_path, "--no-unpack")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{sha256}  file.zip  ({len(server.content)} bytes)\n"
    assert not (tmp_path / "file").exists()


def test_a_wrong_checksum_ends_in_one_sentence_with_both(server: Behaviour, address: str, tmp_path: Path) -> None:
    result = run("--from", address, "--sha256", "0" * 64, "--to", tmp_path)
    assert result.exit_code == 1
    assert hashlib.sha256(server.content).hexdigest() in result.stderr
    assert f"expected {'0' * 64}" in result.stderr
    assert not (tmp_path / "file.zip").exists()


def test_a_file_that_is_gone_is_told(server: Behaviour, address: str, tmp_path: Path) -> None:
    server.statuses = [404]
    result = run("--from", address, "--to", tmp_path)
    assert result.exit_code == 1
    assert f"radiolens: {address}: HTTP status 404. It has moved or is gone" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("guangzhou",),
        ("--to", "x"),
        ("guangzhou", "--from", "http://a/b", "--to", "x"),
        ("guangzhou", "--to", "x", "--sha256", "0"),
    ],
)
def test_wrong_usage_is_told(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Give NAME or --from URL" in result.output


def test_a_set_that_is_not_known_is_told(tmp_path: Path) -> None:
    result = run("kermany", "--to", tmp_path)
    assert result.exit_code == 1
    assert "there is no set 'kermany'. Known are guangzhou" in result.stderr
