from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from radiolens.cli import cli
from radiolens.cli.data import COMMANDS


def test_the_commands_are_listed_in_the_order_of_the_work() -> None:
    result = CliRunner().invoke(cli, ["data", "--help"])
    assert result.exit_code == 0
    shown = [
        line.split()[0] for line in result.output.splitlines() if line.startswith("  ") and line.split()[0] in COMMANDS
    ]
    assert shown == list(COMMANDS)
    assert [name for name in COMMANDS if name != "audit"] == ["acquire", "import", "split"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(cli, ["data", command, "--help"])
    assert result.exit_code == 0
    assert f"data {command}" in result.output.splitlines()[0]


def test_an_unknown_command_is_wrong_usage() -> None:
    result = CliRunner().invoke(cli, ["data", "clean"])
    assert result.exit_code == 2
    assert "No such command 'clean'" in result.output


@pytest.mark.parametrize("command", ["acquire", "import", "split"])
def test_help_loads_neither_numpy_nor_the_network_libraries(command: str) -> None:
    code = (
        "import sys; from click.testing import CliRunner; from radiolens.cli import cli; "
        f"CliRunner().invoke(cli, ['data', {command!r}, '--help']); "
        "print(sorted({'numpy', 'pyarrow', 'urllib3', 'pydicom'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
