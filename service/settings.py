"""Settings of the service: small frozen groups, read once from GRIDWARDEN_* variables.

A group's key is written with two underscores: GRIDWARDEN_DELIVERY__FAIL_OPEN_MS=200. What the site
is (points, limits, brokers) stands in the site folder, not here.
"""

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
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
    """Without an address they are in records.db in the data folder."""

    busy_timeout_ms: int = Field(default=50, ge=0)  # SQLite
    url: str = ""  # postgresql://user@host:5432/database
    password: SecretStr | None = None
    password_file: Path | None = None
    connect_timeout_s: int = Field(default=3, ge=2, le=60)
    statement_timeout_ms: int = Field(default=10_000, ge=100)
    lock_timeout_ms: int = Field(default=2_000, ge=10)

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if url:
            from storage.postgres import postgres_url

            postgres_url(url)
        return url


class DeliverySettings(_Group):
    fail_open_ms: int = Field(
        default=200, ge=10
    )  # a level-1 command waits no longer for its record


class TelemetrySettings(_Group):
    """The history: a DuckDB file in the data folder, or with `url` an InfluxDB 2."""

    url: str = ""  # http://host:8086
    org: str = ""
    bucket: str = ""
    token: SecretStr | None = None  # may read and write the bucket
    measurement: str = Field(default="reading", min_length=1)  # one per site that shares the bucket
    ca_file: Path | None = None
    commit_every_ms: int = Field(default=250, ge=10)
    # days of event time; then the readings are gone, their summaries by minute and by hour stay on.
    # InfluxDB keeps what its bucket keeps
    keep_raw_days: int = Field(default=31, ge=1)
    keep_minutes_days: int = Field(default=93, ge=1)
    keep_hours_days: int = Field(default=3_660, ge=1)

    @model_validator(mode="after")
    def _an_influxdb_has_all_it_needs(self) -> Self:
        if self.url and not self.url.startswith(("http://", "https://")):
            raise ValueError(f"url: write http://host:8086 instead of {self.url}")
        wanted = {"org": self.org, "bucket": self.bucket, "token": self.token}
        missing = [name for name, given in wanted.items() if not given]
        if self.url and missing:
            raise ValueError(f"with url, {', '.join(missing)} must be given too")
        return self

    @model_validator(mode="after")
    def _the_coarser_stay_longer(self) -> Self:
        if not self.keep_raw_days <= self.keep_minutes_days <= self.keep_hours_days:
            raise ValueError(
                "keep_raw_days, keep_minutes_days and keep_hours_days: none may be above the next one"
            )
        return self


class KafkaSettings(_Group):
    """Where the telemetry topic is, whose partitions are then the journal. Without `bootstrap` there is none,
    and readings come over MQTT into the journal on this disk."""

    bootstrap: str = ""  # host:port,host:port
    topic: str = ""  # gridwarden.SITE.telemetry
    group: str = ""  # gridwarden-SITE
    partitions: int = Field(default=6, ge=1, le=1_000)  # of a topic that we make ourselves
    retention_hours: int = Field(default=7 * 24, ge=1)  # likewise
    worker: str = ""  # our name among the workers; the host's, with the process number
    security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    username: str | None = None
    password: SecretStr | None = None
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    ca_file: Path | None = None
    # hear the MQTT broker too, so that level 1 is commanded while Kafka is away: it costs each worker every
    # message of the site once more, unread
    fail_open: bool = True
    session_timeout_ms: int = Field(default=10_000, ge=6_000)
    queued_messages: int = Field(default=5_000, ge=100)  # per partition, fetched and not absorbed


class DeadLetterSettings(_Group):
    payloads_kept: int = Field(
        default=10_000, ge=0
    )  # per source, reason and day; beyond it only counted


class KeepSettings(_Group):
    """Days after which records may go. What stands or is open stays; credit, its seals and judgements,
    tickets, tags and site versions are never deleted."""

    incidents_days: int = Field(default=3 * 365, ge=30)  # closed, with their events and commands
    audit_days: int = Field(default=5 * 365, ge=30)
    dead_letters_days: int = Field(default=90, ge=1)
    leave_reasons_days: int = Field(default=30, ge=1)  # the words alone; that he was away stays
    # pictures and clips, after the judgement: of what was confirmed with its notice (DOMAIN C5)
    evidence_confirmed_days: int = Field(default=3 * 365, ge=1)
    evidence_rejected_days: int = Field(default=30, ge=1)  # rejected, or a duplicate
    evidence_unjudged_days: int = Field(default=180, ge=1)  # since it was proposed


class ReviewSettings(_Group):
    """When the proposals of a camera or a rule are rejected too often (DOMAIN D7)."""

    rejected_percent: int = Field(default=30, ge=1, le=100)  # above it
    rejected_at_least: int = Field(default=10, ge=1)  # judgements in the window
    rejected_days: int = Field(default=30, ge=1)  # the window


class ConsoleSettings(_Group):
    host: str = "127.0.0.1"  # loopback; put a reverse proxy with TLS before it for others
    port: int = Field(default=8080, ge=0, le=65_535)
    session_hours: int = Field(default=12, ge=1)


class AlarmSettings(_Group):
    shelve_at_most_hours: float = Field(default=8.0, gt=0)  # an alarm comes back by itself then


class JudgeSettings(_Group):
    """The judge process: experts and learned detectors."""

    enabled: bool = True
    every_s: float = Field(default=10.0, gt=0)  # between two looks
    history_days: int = Field(default=14, ge=0)  # of the telemetry store, learnt from at the start


class VisionSettings(_Group):
    """The net that looks at pictures. Without a model the one that ships is used."""

    enabled: bool = True  # where the site has cameras
    model: Path | None = None  # .onnx, with its card of the same name (.json) beside it
    engine: Literal["auto", "opencv", "onnxruntime"] = "auto"
    threads: int = Field(default=1, ge=1, le=16)  # of one picture
    # where nothing moves the net looks again after so long, at most; 0: at each picture
    look_again_s: float = Field(default=5.0, ge=0, le=60)
    box_host: str = "127.0.0.1"
    box_port: int = Field(default=0, ge=0, le=65_535)  # of other makers' boxes over HTTP; 0: off
    tell_every_s: float = Field(
        default=60.0, gt=0
    )  # how many pictures were looked at, into the log


class LogSettings(_Group):
    format: Literal["json", "text"] = "json"
    level: Literal["debug", "info", "warning", "error"] = "info"
    folder: Path | None = None  # a file of each process there, instead of stderr
    file_mib: int = Field(default=20, ge=1)  # then another one is begun
    files_kept: int = Field(default=5, ge=1)  # of each process, with the one that is written


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
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,  # it may be a password
    )

    data: Path = Path("gridwarden-data")
    language: Language = "zh-CN"
    journal: JournalSettings = JournalSettings()
    queues: QueueSettings = QueueSettings()
    checkpoints: CheckpointSettings = CheckpointSettings()
    records: RecordsSettings = RecordsSettings()
    delivery: DeliverySettings = DeliverySettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    kafka: KafkaSettings = KafkaSettings()
    dead_letters: DeadLetterSettings = DeadLetterSettings()
    keep: KeepSettings = KeepSettings()
    alarms: AlarmSettings = AlarmSettings()
    reviews: ReviewSettings = ReviewSettings()
    console: ConsoleSettings = ConsoleSettings()
    judge: JudgeSettings = JudgeSettings()
    vision: VisionSettings = VisionSettings()
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
