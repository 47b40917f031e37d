"""Messages that could not be used."""

import sys
from typing import Annotated

import typer

from service.cli.common import (
    BAD_INPUT,
    FAILED,
    BrokerOption,
    DataOption,
    JsonOption,
    ReasonOption,
    broker_address,
    chosen_settings,
    effective_site,
    json_line,
    stop,
    told_in_one_sentence,
)

app = typer.Typer()

letters_group = typer.Typer(
    help="Messages that could not be used: look at them, send them through again.",
    no_args_is_help=True,
)
app.add_typer(letters_group, name="dead-letters")


@letters_group.command("list")
def letters_list_command(
    reason: ReasonOption = None,
    at_most: Annotated[int, typer.Option("--at-most", min=1, help="Of the kept ones.")] = 50,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count them by reason over a week, and show the newest whose payload was kept."""
    from dataclasses import asdict

    from service.dead_letters import dead_letters_of, letter_facts, letter_line

    settings = chosen_settings(data=data)
    with told_in_one_sentence("cannot list the dead letters"):
        letters = dead_letters_of(settings.data)
        counted, kept = letters.counted(), letters.kept(reason, at_most)
    if as_json:
        for line in [*map(asdict, counted), *map(letter_facts, kept)]:
            typer.echo(json_line(line))
        return
    for each in counted:
        typer.echo(
            f"{each.count} {each.reason} from {each.source_id} in 7 days;"
            f" {each.kept} kept, {each.replayed} replayed"
        )
    for letter in kept:
        typer.echo(letter_line(letter))
    if not counted and not kept:
        typer.echo("none")


@letters_group.command("show")
def letters_show_command(
    number: Annotated[int, typer.Argument(help="As `list` gives it.")],
    raw: Annotated[bool, typer.Option("--raw", help="Only the bytes of the payload.")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one with its payload."""
    from service.dead_letters import dead_letters_of, letter_facts

    settings = chosen_settings(data=data)
    with told_in_one_sentence("cannot show it"):
        letter = dead_letters_of(settings.data).numbered(number)
    if letter is None:
        stop(f"no dead letter has the number {number}: `dead-letters list` shows them", BAD_INPUT)
    payload = letter.letter.payload or b""
    if raw:
        sys.stdout.buffer.write(payload)
        return
    facts = letter_facts(letter)
    text = payload.decode("utf-8", "backslashreplace")
    if as_json:
        typer.echo(json_line({**facts, "payload": text}))
        return
    for name, value in facts.items():
        typer.echo(f"{name}: {value}")
    typer.echo(text)


@letters_group.command("replay")
def letters_replay_command(
    numbers: Annotated[
        list[int] | None, typer.Argument(help="Only these; without any, all that wait.")
    ] = None,
    reason: ReasonOption = None,
    broker: BrokerOption = None,
    data: DataOption = None,
) -> None:
    """After mending the points or the gateway: send them through again, with their original bytes."""
    from service.dead_letters import NotReplayed, replay_dead_letters
    from service.settings import BadSettings

    settings = chosen_settings(data=data)
    site = effective_site(settings)
    address = broker_address(broker)
    source = (site.at_broker(*address) if address else site).sources[0]
    with told_in_one_sentence("cannot replay"):
        try:
            done = replay_dead_letters(settings.data, source, reason=reason, numbers=numbers or ())
        except BadSettings as error:
            stop(str(error), BAD_INPUT, error)
        except NotReplayed as error:
            stop(f"cannot replay: {error}", FAILED, error)
    already = f"; {done.already} are not there or were sent before" if done.already else ""
    typer.echo(f"{done.sent} sent through again{already}; what still cannot be used is listed anew")
