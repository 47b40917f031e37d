"""Settings of the service: small frozen groups, read once from GRIDWARDEN_* variables.

A group's key is written with two underscores: GRIDWARDEN_DELIVERY__FAIL_OPEN_MS=200. What the site
is (points, limits, brokers) stands in the site folder, not here.
"""

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "GRIDWARDEN_"
# variables that bear our prefix and are no settings: secrets named by a site, switches of the tests
OTHER_PREFIXES = (f"{PREFIX}SECRET_", f"{PREFIX}TEST_", f"{PREFIX}REQUIRE_", f"{PREFIX}BENCH_")

Language = Literal["zh-CN", "en"]


class BadSettings(ValueError):
    """A setting that is unknown or has a value that cannot be; the message names it and the cure."""


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class JournalSettings(_Group):
    segment_mib: int = Field(default=64, ge=1)
    # of the disk; at 80 % of it comes back-pressure
    share_mib: int = Field(default=4096, ge=8, validate_default=True)

    @field_validator("share_mib")
    @classmethod
    def _holds_several_segments(cls, share_mib: int, others: ValidationInfo) -> int:
        # the segment that is being written is never dropped: with less, a full share would stay full
        least = 4 * others.data.get("segment_mib", 0)
        if share_mib < least:
            raise ValueError(f"the share must hold four segments: give {least} or more")
        return share_mib

    @property
    def segment_bytes(self) -> int:
        return self.segment_mib * 2**20

    @property
    def share_bytes(self) -> int:
        return self.share_mib * 2**20


class QueueSettings(_Group):
    """Bounds of what may wait in memory; a full queue pushes back on the broker."""

    inbox_messages: int = Field(default=20_000, ge=10)
    inbox_mib: int = Field(default=64, ge=1)
    # messages that a broker may give before we acknowledge; it needs as many (max_inflight_messages)
    receive_maximum: int = Field(default=2_000, ge=1, le=65_535)

    @property
    def inbox_bytes(self) -> int:
        return self.inbox_mib * 2**20


class CheckpointSettings(_Group):
    every_s: float = Field(default=2.0, gt=0)
    every_readings: int = Field(default=500_000, ge=1)


class RecordsSettings(_Group):
    busy_timeout_ms: int = Field(default=50, ge=0)


class DeliverySettings(_Group):
    fail_open_ms: int = Field(
        default=200, ge=10
    )  # a level-1 command waits no longer for its record


class TelemetrySettings(_Group):
    commit_every_ms: int = Field(default=250, ge=10)


class DeadLetterSettings(_Group):
    payloads_kept: int = Field(
        default=10_000, ge=0
    )  # per source, reason and day; beyond it only counted


class ConsoleSettings(_Group):
    host: str = "127.0.0.1"  # loopback; put a reverse proxy with TLS before it for others
    port: int = Field(default=8080, ge=0, le=65_535)
    session_hours: int = Field(default=12, ge=1)


class JudgeSettings(_Group):
    """The judge process: experts and learned detectors."""

    enabled: bool = True
    every_s: float = Field(default=10.0, gt=0)  # between two looks
    history_days: int = Field(default=14, ge=0)  # of the telemetry store, learnt from at the start


class LogSettings(_Group):
    format: Literal["json", "text"] = "json"
    level: Literal["debug", "info", "warning", "error"] = "info"


class MetricsSettings(_Group):
    """Where core answers /metrics, /health/live and /health/ready."""

    host: str = "127.0.0.1"
    port: int = Field(default=9464, ge=0, le=65_535)  # 0: off


class WatchdogSettings(_Group):
    """When the supervisor raises the alarm about core, and how."""

    silence_s: float = Field(default=15.0, ge=1)  # without a sign of life core is started anew
    away_s: float = Field(default=60.0, ge=1)  # that a store or a source may be away unannounced
    starting_s: float = Field(default=120.0, ge=1)  # that core may take to recover unannounced
    mqtt: bool = True  # a retained message at the site's broker
    command: str = ""  # a program that is run with the sentence as its argument
    command_timeout_s: float = Field(default=10.0, gt=0)


class Settings(BaseSettings):
    """Everything that an operator may choose. Frozen; unknown keys are refused."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    data: Path = Path("gridwarden-data")
    language: Language = "zh-CN"
    journal: JournalSettings = JournalSettings()
    queues: QueueSettings = QueueSettings()
    checkpoints: CheckpointSettings = CheckpointSettings()
    records: RecordsSettings = RecordsSettings()
    delivery: DeliverySettings = DeliverySettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    dead_letters: DeadLetterSettings = DeadLetterSettings()
    console: ConsoleSettings = ConsoleSettings()
    judge: JudgeSettings = JudgeSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    watchdog: WatchdogSettings = WatchdogSettings()


def load_settings(**chosen: object) -> Settings:
    """Settings from the environment, with what the command line chose on top (None: not chosen)."""
    _refuse_unknown(os.environ)
    try:
        return Settings(**{key: value for key, value in chosen.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        raise BadSettings(_first_mistake(error)) from error


def secret(variable: str, environ: Mapping[str, str] = os.environ) -> SecretStr:
    """A password that the site folder names by its environment variable."""
    value = environ.get(variable)
    if not value:
        raise BadSettings(
            f"set the environment variable {variable}: it holds the broker's password"
        )
    return SecretStr(value)


def _refuse_unknown(names: Iterable[str]) -> None:
    # pydantic-settings reads the variables it knows and is silent about a misspelt one
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    for name in sorted(names):
        if not name.startswith(PREFIX) or name.startswith(OTHER_PREFIXES):
            continue
        head = name.split("__", 1)[0]
        if head not in known:
            raise BadSettings(f"no setting is named {name}{_nearest(head, known)}")


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _first_mistake(error: ValidationError) -> str:
    mistake = error.errors(include_url=False)[0]
    place = "__".join(str(part) for part in mistake["loc"]).upper()
    return f"{PREFIX}{place}: {mistake['msg']}"
