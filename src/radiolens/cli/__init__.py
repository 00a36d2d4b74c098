"""The command line: `radiolens COMMAND`. One file per command, loaded only when it is called.

Exit codes: 0 done; 1 an input could not be read, or the work failed (a RadiolensError, a full disk); 2 wrong usage, to
which UnknownTask belongs; 130 stopped with Ctrl+C. An expected error is one sentence on standard error. An unexpected
one keeps its trace, which a report of the defect needs.
"""

from __future__ import annotations

import atexit
import io
import os
import sys
from typing import IO, Any

import click

from radiolens import __version__
from radiolens.cli.lazy_group import LazyGroup
from radiolens.cli.system_errors import told
from radiolens.errors import RadiolensError, UnknownTask

__all__ = ["COMMANDS", "Commands", "Failure", "cli", "main"]

COMMANDS = {
    "predict": "Answer images, folders, zips and series.",
    "tasks": "List what can be asked.",
    "serve": "Start the web app on this computer.",
    "users": "Make and change accounts, on the console of the site.",
    "db": "Upgrade, back up and restore the site's database.",
    "kept": "List, erase and export the images that the site keeps.",
    "doctor": "Say what could keep the app from working here.",
    "audit": "Check and show the log of who did what.",
    "train": "Run an experiment.",
    "train-gate": "Make the network that looks at a picture before it is answered.",
    "tune": "Search the values of an experiment.",
    "crossvalidate": "Judge an experiment by patients its networks have not seen.",
    "export": "Turn a trained network into a bundle, or give it back as a file.",
    "import-h5": "Make a bundle of somebody's Keras file.",
    "bundle": "Check a bundle, or seal its evidence.",
    "evaluate": "Measure a bundle on a manifest.",
    "evaluate-gate": "Measure the gate on what it shall refuse, and on what it shall not.",
    "thresholds": "Plan a site's threshold on its own cases.",
    "data": "Make, split and check manifests; download public sets.",
}


_INTERRUPTED = 130
"""As shells say it: 128 and the number of SIGINT."""


class Failure(click.ClickException):
    """An error of radiolens on its way to standard error; exit code 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the one sentence."""
        click.echo(f"radiolens: {self.format_message()}", file, err=file is None)


class Commands(LazyGroup):
    """The commands, and the one place where an expected error becomes an exit code."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  as click declares it
        """Run a command; turn an expected error into its exit code, and a missing library into how to install it."""
        try:
            return super().invoke(ctx)
        except UnknownTask as error:
            raise click.UsageError(str(error), ctx) from error
        except RadiolensError as error:
            raise Failure(str(error)) from error
        except KeyboardInterrupt as error:
            click.echo("radiolens: stopped.", err=True)
            raise click.exceptions.Exit(_INTERRUPTED) from error
        except OSError as error:
            sentence = told(error)
            if sentence is None:
                raise
            raise Failure(sentence) from error
        except ModuleNotFoundError as error:
            if (error.name or "radiolens").split(".")[0] == "radiolens":
                raise
            raise Failure(
                f"This command needs {error.name}, which is not installed. "
                "Install the training extra: python -m pip install 'radiolens[train]'"
            ) from error


@click.command(cls=Commands, table=COMMANDS, prefix="radiolens.cli.")
@click.version_option(__version__, prog_name="radiolens")
def cli() -> None:
    """Second reading of chest X-rays and brain images. For education and research; not a medical device."""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files in letters that a console does not have
    try:
        cli()
    except SystemExit as ended:
        if ended.code == _INTERRUPTED and "tensorflow" in sys.modules:
            # Threads of TensorFlow that were in the midst of a step would abort the process while it ends.
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(_INTERRUPTED)
        raise
