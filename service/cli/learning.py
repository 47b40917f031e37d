"""What is learnt anew by command."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.common import (
    BAD_INPUT,
    FAILED,
    DataOption,
    JsonOption,
    chosen_settings,
    effective_site,
    json_line,
    quiet_logs,
    stop,
)

app = typer.Typer()


@app.command("retrain")
def retrain_command(
    days: Annotated[int, typer.Option("--days", min=1, help="Of history to learn from.")] = 60,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Learn the judgement's models anew from history; a model is replaced only by a better one."""
    from dataclasses import asdict

    from service.local_socket import CoreUnreachable, RequestRefused
    from service.model_store import BrokenModel
    from service.retrain import retrain

    settings = chosen_settings(data=data)
    quiet_logs()

    def say(what: str, done: int, of: int) -> None:
        if what and not as_json:
            typer.echo(f"{done + 1}/{of} {what}", err=True)

    try:
        result = retrain(settings.data, effective_site(settings), days, say)
    except (CoreUnreachable, RequestRefused, BrokenModel) as error:
        stop(f"cannot retrain: {error}", FAILED, error)
    if as_json:
        typer.echo(json_line(asdict(result)))
        return
    for each in result.compared:
        before = "none" if each.running_error is None else f"{each.running_error:.3g}"
        verdict = "replaced" if each.better else "kept"
        typer.echo(
            f"{each.asset_id} {each.kind}: new {each.new_error:.3g}, running {before}, {verdict}"
        )
    for line in result.skipped:
        typer.echo(f"skipped {line}")
    typer.echo(
        "nothing was better: the running models stay"
        if result.version is None
        else f"models {result.version} are kept; the judge takes them at its next start"
    )


@app.command("train-vision")
def train_vision_command(
    annotations: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    images: Annotated[Path, typer.Option("--images", exists=True, file_okay=False)],
    out: Annotated[
        Path, typer.Option("--out", help="The .onnx to write; its card stands beside it.")
    ],
    start: Annotated[
        Path | None, typer.Option("--start", help="A net to go on from; without it the one in use.")
    ] = None,
    epochs: Annotated[int, typer.Option("--epochs", min=1)] = 40,
    seed: Annotated[int, typer.Option("--seed")] = 1,
    rate: Annotated[float, typer.Option("--rate", min=1e-6, max=0.1)] = 5e-4,
    threads: Annotated[int, typer.Option("--threads", min=1)] = 2,
    device: Annotated[str, typer.Option("--device", help="cpu or cuda.")] = "cpu",
) -> None:
    """Train the net that recognises helmets and bare heads on a COCO-style folder."""
    from service.train_vision.dataset import UnusableDataset, read_dataset
    from service.vision.model import DEFAULT_MODEL, UnusableModel

    try:
        from service.train_vision.card import write_card
        from service.train_vision.graph import UnusableNet
        from service.train_vision.training import Schedule, train
    except ModuleNotFoundError as error:
        stop(
            f"cannot train: {error.name} is missing; pip install 'gridwarden[train]'", FAILED, error
        )
    schedule = Schedule(epochs=epochs, rate=rate, seed=seed, threads=threads, device=device)
    start = start or DEFAULT_MODEL
    try:
        train(
            start,
            read_dataset(annotations, images),
            schedule,
            out,
            lambda told: typer.echo(str(told)),
        )
        about = {"epochs": epochs, "seed": seed, "rate": rate}
        card = write_card(out, start, annotations, images, about)
    except (UnusableDataset, UnusableNet, UnusableModel, OSError) as error:
        stop(f"cannot train: {error}", BAD_INPUT, error)
    typer.echo(f"{out} with its card: {card.figures['trained_on_ap50']}")
