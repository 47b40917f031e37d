"""The console as a process: `python -m web.main --compiled FILE --data DIR --host H --port N`.

Started and watched by the supervisor. It serves every asset itself: no request leaves the machine.
"""

import argparse
import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from service.logs import configure_logs
from service.settings import BadSettings, load_settings
from service.site.compiled import BrokenCompiledSite

log = structlog.get_logger(__name__)

BAD_INPUT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    try:
        settings = load_settings(data=chosen.data, language=chosen.language)
        configure_logs(settings.log, "web")
        _serve(chosen, settings.console.session_hours, settings.language)
    except (BadSettings, BrokenCompiledSite) as error:
        log.error("console_cannot_start", reason=str(error))
        return BAD_INPUT
    return 0


def _serve(chosen: argparse.Namespace, session_hours: int, language: str) -> None:
    with contextlib.suppress(OSError):
        os.nice(10)  # a page may wait for the processor; a siren may not
    folder = chosen.data / "console"
    folder.mkdir(parents=True, exist_ok=True)
    # NiceGUI reads it when it is imported
    os.environ["NICEGUI_STORAGE_PATH"] = str(folder)
    os.environ.setdefault("MPLBACKEND", "agg")
    from nicegui import app, ui

    from web import theme
    from web.console import Console
    from web.guarded import Guarded
    from web.pages import every_page
    from web.shell import use

    console = Console.open(chosen.data, chosen.compiled, language, session_hours)
    use(console)
    every_page()

    def started() -> None:
        console.feed.start(asyncio.get_running_loop())
        console.core.start()
        console.watching = asyncio.create_task(console.system.run())
        log.info("console_started", host=chosen.host, port=chosen.port)

    app.add_middleware(Guarded)
    app.on_startup(started)
    app.on_shutdown(console.core.stop)
    ui.run(
        host=chosen.host,
        port=chosen.port,
        title="gridwarden",
        favicon=theme.ICON,
        language="zh-CN" if language == "zh-CN" else "en-US",
        reload=False,
        show=False,
        show_welcome_message=False,
        storage_secret=_secret(folder / "secret"),
        session_middleware_kwargs={
            "max_age": session_hours * 3600,
            "same_site": "strict",
            "session_cookie": "gridwarden",
        },
        reconnect_timeout=10.0,
        ws_per_message_deflate=False,  # for the same machine or a proxy on it: only costs processor
    )


def _secret(path: Path) -> str:
    """Signs the sessions. Made once, readable for us alone: a restart signs nobody out."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
    return path.read_text("utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="web.main", description=__doc__)
    parser.add_argument("--compiled", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--language")
    return parser


if __name__ in {"__main__", "__mp_main__"}:
    sys.exit(main())
