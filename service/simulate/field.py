"""The simulated field as a process: `python -m service.simulate.field --port 1883 --site changqing ...`

One JSON line on standard output for everything a siren does, so that others can count it.
"""

import argparse
import contextlib
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, SimpleQueue

from service.simulate.plant import SimulatedPlant
from service.simulate.siren import Behaviour, SimulatedSiren
from service.simulate.transformer import SimulatedTransformer
from service.site.compiled import read_compiled

Unit = SimulatedPlant | SimulatedSiren | SimulatedTransformer


def run(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    # before anything starts: a signal that comes early must end us too
    stopping: SimpleQueue[None] = SimpleQueue()  # no lock that a second signal would wait for
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.put(None))
    units = _units(options)
    for unit in units:
        unit.start(options.host, options.port)
    with contextlib.suppress(Empty):
        stopping.get(timeout=options.seconds)
    for unit in units:
        unit.stop()
    return 0


def say(line: dict[str, object]) -> None:
    """One write per line: sirens speak from several threads."""
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _units(options: argparse.Namespace) -> list[Unit]:
    sirens: list[Unit] = [
        SimulatedSiren(options.site, device, behaviour, say=say, late_s=options.late_s)
        for device, behaviour in options.siren
    ]
    if options.plant is not None:
        return [*sirens, SimulatedPlant(read_compiled(options.plant))]
    if options.oil_point is None:
        return sirens
    transformer = SimulatedTransformer(
        options.site,
        options.source,
        options.oil_point,
        low=options.low,
        high=options.high,
        speed=options.speed,
        interval_s=options.interval_s,
    )
    return [*sirens, transformer]


def _siren(text: str) -> tuple[str, Behaviour]:
    device, _, behaviour = text.partition("=")
    try:
        return device, Behaviour(behaviour or Behaviour.PROMPT)
    except ValueError as error:
        known = ", ".join(Behaviour)
        raise argparse.ArgumentTypeError(f"{behaviour} is none of {known}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="service.simulate.field", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--site", required=True)
    parser.add_argument(
        "--siren", type=_siren, action="append", default=[], metavar="DEVICE[=BEHAVIOUR]"
    )
    parser.add_argument("--late-s", type=float, default=4.0, help="how late a late siren answers")
    parser.add_argument(
        "--plant", type=Path, metavar="COMPILED", help="play every point of this compiled site"
    )
    parser.add_argument("--source", default="rtu", help="source id of the telemetry")
    parser.add_argument("--oil-point", help="point key of the oil temperature; none: no telemetry")
    parser.add_argument("--low", type=float, default=78.0, help="coolest oil, degC")
    parser.add_argument("--high", type=float, default=100.0, help="hottest oil, degC")
    parser.add_argument("--speed", type=float, default=10.0, help="story seconds per second")
    parser.add_argument("--interval-s", type=float, default=1.0, help="between two readings")
    parser.add_argument("--seconds", type=float, help="end after so long; none: until a signal")
    return parser


if __name__ == "__main__":
    sys.exit(run())
