"""The command line: parse, call one function, print, exit code. Rooms are imported when needed.

Exit codes: 0 done, 1 it failed, 2 the input was wrong.
"""

import typer

from service.cli import history, learning, letters, people, running, sites, stores
from service.cli.common import BAD_INPUT, FAILED

__all__ = ("BAD_INPUT", "FAILED", "app", "main")

app = typer.Typer(
    name="gridwarden",
    help="Watches a power system, sounds the field device, tells the person who answers for it.",
    no_args_is_help=True,
    rich_markup_mode=None,  # rich would cost half of the time in which help must be there
    add_completion=False,
    pretty_exceptions_enable=False,
)
# in the order in which help lists them
for part in (running, sites, history, people, stores, letters, learning):
    app.add_typer(part.app)


def main() -> None:
    app()
