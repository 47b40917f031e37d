"""`demo`: a broker, a simulated plant, core and the console on this machine, with nothing left behind."""

import os
import sys
import tempfile
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from service.beginning import begin
from service.broker import LocalBroker
from service.installation import Installation
from service.processes import ProcessSpec
from service.records import forget_the_servers
from service.running import Say
from service.settings import Settings, load_settings
from service.site.load import load
from service.site.model import Site

SITE_NAME: Final = "changqing-like"
# how each field device answers: one never says so, one late, one refuses; the others at once
BEHAVIOURS: Final[Mapping[str, str]] = {
    "siren-1T": "never",
    "voice-113": "late",
    "voice-SP10": "refuse",
}


class NoExample(Exception):
    """The example site is not where it should be."""


def example_site() -> Path:
    """In a checkout beside the rooms, in an installed package inside this one."""
    here = Path(__file__).parent
    for folder in (here / "examples" / SITE_NAME, here.parent / "examples" / SITE_NAME):
        if folder.is_dir():
            return folder
    raise NoExample(f"the example site {SITE_NAME} is missing: install gridwarden again")


def has_screen() -> bool:
    """Whether a browser that we open would be seen; else it might be one for a terminal, in this one."""
    if sys.platform in {"darwin", "win32"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def demo(
    say: Say,
    settings: Settings,
    *,
    seconds: float | None = None,
    show: bool = False,
) -> int:
    """Raises NoExample, BrokerNotStarted. Main thread only: it starts children."""
    folder = example_site()
    site = load(folder)
    forget_the_servers()
    with tempfile.TemporaryDirectory(prefix="gridwarden-demo-") as temporary:
        data = Path(temporary)
        with LocalBroker(data / "broker") as broker:
            say(_introduction(broker))
            installation = Installation(
                settings=load_settings(data=data, language=settings.language),
                broker=(broker.host, broker.port),
                console=(settings.console.host, settings.console.port),
                logs=data,
                serve_metrics=False,  # it must never meet what runs here for good
                on_console=webbrowser.open if show else None,
            )
            beginning = begin(data, folder, at_broker=installation.at_broker, change_password=False)
            plant = _plant(site, broker, beginning.compiled, data / "plant.log")
            code = installation.run(beginning, say, seconds, [plant])
            if code:
                say((data / "core.log").read_text("utf-8", "replace")[-2_000:])
            return code


def _introduction(broker: LocalBroker) -> str:
    where = f"broker: {broker.kind.value} at {broker.host}:{broker.port}"
    if broker.persistent:
        return where
    return (
        f"{where}; it keeps everything in memory only and forgets it when it ends:"
        " good for a demo, not for a plant (install mosquitto)"
    )


def _plant(site: Site, broker: LocalBroker, compiled: Path, log: Path) -> ProcessSpec:
    """Every point of the site, the story over them (service.simulate.story), and the field devices."""
    arguments = ["--host", broker.host, "--port", str(broker.port), "--site", site.code]
    for device in site.devices:
        behaviour = BEHAVIOURS.get(device.device_id, "prompt")
        arguments += ["--siren", f"{device.device_id}={behaviour}"]
    arguments += ["--plant", str(compiled)]
    return ProcessSpec(
        name="plant",
        module="service.simulate.field",
        arguments=tuple(arguments),
        stdout=log,
        stderr=log,
    )
