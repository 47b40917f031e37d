"""The store of InfluxDB with a bucket of its own, and what it refuses kept for the test to look at."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from service.counting import Counted
from storage.influx_server import InfluxConfig
from storage.telemetry_influx import InfluxTelemetry
from tests.support.series_servers import Influx


@dataclass(slots=True)
class Rejected:
    """What a store put aside."""

    lines: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def __call__(self, lines: Sequence[str], reason: str) -> None:
        self.lines += lines
        self.reasons.append(reason)


def influx_config(influx: Influx, bucket: str = "", measurement: str = "reading") -> InfluxConfig:
    return InfluxConfig(
        url=influx.url,
        org=influx.org,
        bucket=bucket or influx.new_bucket(),
        token=influx.token,
        measurement=measurement,
    )


def influx_telemetry(
    influx: Influx,
    bucket: str = "",
    *,
    measurement: str = "reading",
    rejected: Rejected | None = None,
    counters: Counted | None = None,
    kind: type[InfluxTelemetry] = InfluxTelemetry,
) -> InfluxTelemetry:
    return kind(
        influx_config(influx, bucket, measurement), counters or Counted(), rejected or Rejected()
    )
