"""Core's part in a backup: it alone may have the telemetry file open, so it makes the copy."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from domain.ports import KeptTelemetry, StorageUnavailable
from storage.telemetry_duckdb import DuckDbTelemetry

log = structlog.get_logger(__name__)

Answer = Mapping[str, object]


class TelemetryCopier:
    """One copy at a time, in a thread of its own: whoever asks at the local socket never waits."""

    def __init__(self, store: KeptTelemetry) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._target: Path | None = None
        self._state: Answer = {"state": "idle"}

    def answer(self, asked: Mapping[str, Any]) -> Answer:
        """Asked with `to` again and again: starts the copy, then says how far it is. `state` is copying,
        done (with `applied`, partition -> journal number), failed (with `why`) or elsewhere."""
        if not isinstance(self._store, DuckDbTelemetry):
            return {"state": "elsewhere"}
        target = Path(str(asked["to"]))
        with self._lock:
            if self._target != target:
                if self._state["state"] == "copying":
                    return {"state": "failed", "why": f"a copy to {self._target} is being made"}
                self._target, self._state = target, {"state": "copying"}
                threading.Thread(
                    target=self._copy, args=(self._store, target), name="copier", daemon=True
                ).start()
            if self._state["state"] == "copying" and target.exists():
                return {**self._state, "bytes": target.stat().st_size}
            return self._state

    def _copy(self, store: DuckDbTelemetry, target: Path) -> None:
        try:
            applied = store.copy_to(target)
            state: Answer = {
                "state": "done",
                "applied": {str(partition): seq for partition, seq in applied.items()},
            }
            log.info("telemetry_copied", to=str(target))
        except StorageUnavailable as error:
            state = {"state": "failed", "why": str(error)}
            log.error("telemetry_not_copied", to=str(target), reason=str(error))
        with self._lock:
            self._state = state
