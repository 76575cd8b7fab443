"""What all commands share: known errors told in words or as JSON, and the flag that asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gridtide.core import GridtideError

FAILED = 1
BAD_INPUT = 2

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document on standard output."
)


class Command(click.Command):
    """A command that tells known errors in words, and as JSON where that was asked for."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; known errors become its exit code."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            from gridtide.core import GridtideError

            if not isinstance(error, GridtideError):
                raise
            return tell(error, as_json=ctx.params.get("as_json", False))


class Group(click.Group):
    """A group of such commands."""

    command_class = Command


def print_json(value: Any) -> None:
    """Print one JSON document."""
    import json

    click.echo(json.dumps(value, indent=2))


def tell(error: GridtideError, *, as_json: bool) -> int:
    """Tell a known error; return the exit code: 2 for findings, 1 for the rest."""
    from gridtide.core import InputError

    if not isinstance(error, InputError):
        text = f"{type(error).__name__}: {error}"
        if as_json:
            print_json({"findings": [], "error": text})
        click.echo(text, err=True)
        return FAILED
    if as_json:
        found = [{"where": f.where, "what": f.what, "mend": f.mend} for f in error.findings]
        print_json({"findings": found})
    for finding in error.findings:
        click.echo(str(finding), err=True)
    click.echo(f"{len(error.findings)} finding(s); nothing was run or written.", err=True)
    return BAD_INPUT
