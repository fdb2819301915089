"""The command ``obf``: argument parsing and exit codes over the public API.

Each verb lives in a module of its own and is a few lines; heavy imports happen
inside the verb, so that ``obf --help`` is quick.  Exit codes: 0 done, 1 findings
or a failed check, 2 bad usage, 130 interrupted (a run can be resumed).
"""

from __future__ import annotations

import os
import sys

import typer

from openbfactory.cli import (
    check,
    compare,
    data,
    display,
    fit,
    generate,
    interpret,
    listing,
    reconstruct,
    run,
    simulate,
    tag,
    train,
)

app = typer.Typer(
    name="obf",
    help="Open software for B-factory physics: from e+e- collisions to a published measurement.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("generate")(generate.generate)
app.command("simulate")(simulate.simulate)
app.command("reconstruct")(reconstruct.reconstruct)
app.command("tag")(tag.tag)
app.command("display")(display.display)
app.command("fit")(fit.fit)
app.command("interpret")(interpret.interpret)
app.add_typer(data.app, name="data")
app.add_typer(train.app, name="train")
app.add_typer(compare.app, name="compare")
app.command("list")(listing.listing)
app.command("check")(check.check)


def main() -> None:
    """Entry point of ``obf``: named errors become one message and exit code 1."""
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):  # one thread a process; the workers are the parallelism
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    from openbfactory.core.errors import OpenBFactoryError

    try:
        app()
    except OpenBFactoryError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
