"""`radiolens bundle COMMAND`: checks a bundle, and seals its evidence."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group("bundle")
def command() -> None:
    """Check a bundle, or seal its evidence."""


@command.command("verify")
@click.argument("folder", type=_FOLDER)
@click.option("--evidence", type=_FOLDER, help="Check this folder of evidence in place of the bundle's own.")
def _verify(folder: Path, evidence: Path | None) -> None:
    """Check FOLDER: every hash, that card, datasheet, checklist and report say what their evaluation says.

    And that the network still gives its golden answers.
    """
    from radiolens.inference.engine import Engine
    from radiolens.inference.gate_bundle import is_gate
    from radiolens.inference.gate_network import GateNetwork
    from radiolens.validation.documents.seal import verify_documents
    from radiolens.validation.gate.seal import verify_gate_evidence

    if is_gate(folder):
        gate = GateNetwork.open(folder).installed
        identity, compared = gate.identity, verify_gate_evidence(gate, evidence)
    else:
        installed = Engine.open(folder).installed
        identity, compared = installed.identity, verify_documents(installed, evidence)
    click.echo(f"{identity.name} {identity.version} is whole: {identity.sha256}")
    if not compared:
        click.echo(
            "Of the documents in its evidence only the hashes were checked: another version of radiolens wrote them. "
            "`radiolens bundle seal` writes them anew.",
            err=True,
        )


@command.command("seal")
@click.argument("folder", type=_FOLDER)
def _seal(folder: Path) -> None:
    """Write the documents of FOLDER anew, with the figures of its evidence, and the hashes of the evidence.

    The bundle itself, and so its identity, stays as it is. Text of the author goes to FOLDER/evidence/notes.md.
    """
    from radiolens.inference.gate_bundle import is_gate, read_gate
    from radiolens.validation.documents.seal import seal
    from radiolens.validation.gate.seal import seal_gate

    click.echo(f"written: {seal_gate(read_gate(folder)) if is_gate(folder) else seal(folder)}")
