"""`radiolens bundle COMMAND`: checks a bundle, seals its evidence, chooses its thresholds anew."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group("bundle")
def command() -> None:
    """Check a bundle, seal its evidence, or choose its thresholds anew."""


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


@command.command("rethreshold")
@click.argument("folder", type=_FOLDER)
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--version", required=True, help="Version of the new bundle, for instance 1.0.1.")
def _rethreshold(folder: Path, output: Path, version: str) -> None:
    """Write to OUTPUT the network of FOLDER with thresholds by today's rule, chosen on the answers that it keeps.

    Thresholds are no weights: probabilities, prediction sets and heat maps stay as they are. The new bundle has no
    evidence yet; `radiolens evaluate` writes it.
    """
    from radiolens.bundle import read_bundle
    from radiolens.training.rethreshold import rethreshold

    old, new = read_bundle(folder).bundle.thresholds, rethreshold(folder, output, version)
    for label, threshold in new.bundle.thresholds.items():
        click.echo(f"{label}: {old[label]:.4f} before, {threshold:.4f} now")
    click.echo(f"{new.identity.name} {new.identity.version}: {new.sha256}")
