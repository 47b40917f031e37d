"""InfluxDB 2, where telemetry lies there: by its documented HTTP interface, without writing anything."""

import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from service.doctor.finding import Finding, good, mend, warn

_SUBJECT: Final = "InfluxDB"
_WITHIN_S: Final = 5.0
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluxAt:
    url: str
    org: str
    bucket: str
    token: str = field(repr=False)
    keep_days: int = 0  # how long readings should be kept at least; 0: any
    ca_file: Path | None = None

    def ask(self, path: str, **query: str) -> tuple[int, Mapping[str, Any]]:
        """Status and body. Raises OSError, http.client.HTTPException."""
        parts = urlsplit(self.url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        connection = kind(parts.hostname or "", parts.port, timeout=_WITHIN_S)
        try:
            target = f"{parts.path.rstrip('/')}{path}" + (f"?{urlencode(query)}" if query else "")
            connection.request("GET", target, headers={"Authorization": f"Token {self.token}"})
            answer = connection.getresponse()
            return answer.status, _object(answer.read())
        finally:
            connection.close()

    def _connection(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if scheme != "https":
            return http.client.HTTPConnection(host, port, timeout=_WITHIN_S)
        context = ssl.create_default_context(cafile=self.ca_file)
        return http.client.HTTPSConnection(host, port, timeout=_WITHIN_S, context=context)


def influxdb_findings(influx: InfluxAt) -> Iterator[Finding]:
    try:
        status, health = influx.ask("/health")
        if status != 200 or health.get("status") != "pass":
            yield mend(
                _SUBJECT,
                f"{influx.url} is not well: {status} {health.get('message', '')}".strip(),
                "look at its log; readings wait in the journal meanwhile",
            )
            return
        yield good(_SUBJECT, f"version {health.get('version', 'unknown')} answers at {influx.url}")
        yield from _bucket(influx)
    except (OSError, http.client.HTTPException) as error:
        yield mend(
            _SUBJECT,
            f"nothing answers at {influx.url}: {error}",
            "start it, or mend GRIDWARDEN_TELEMETRY__URL; readings wait in the journal meanwhile",
        )


def _bucket(influx: InfluxAt) -> Iterator[Finding]:
    status, said = influx.ask("/api/v2/buckets", org=influx.org, name=influx.bucket)
    found = said.get("buckets") or []
    if status == 401:
        yield mend(
            _SUBJECT,
            "it does not know our token",
            "make one that may read and write the bucket; set GRIDWARDEN_TELEMETRY__TOKEN",
        )
    elif status == 404 and "organization" in str(said.get("message", "")):
        yield mend(
            _SUBJECT,
            f"it has no organisation {influx.org}, or our token may not see it",
            "mend GRIDWARDEN_TELEMETRY__ORG, or the token",
        )
    elif status == 404 or (status == 200 and not found):
        yield mend(
            _SUBJECT,
            f"it has no bucket {influx.bucket}, or our token may not see it",
            "gridwarden telemetry setup, with a token that may make buckets",
        )
    elif status != 200:
        yield mend(
            _SUBJECT,
            f"it does not tell its buckets: {status} {said.get('message', '')}".strip(),
            "look at its log",
        )
    else:
        yield _retention(influx, found[0])


def _retention(influx: InfluxAt, bucket: Mapping[str, Any]) -> Finding:
    rules = [rule for rule in bucket.get("retentionRules") or [] if rule.get("type") == "expire"]
    kept_s = min((int(rule.get("everySeconds", 0)) for rule in rules), default=0)
    if kept_s and kept_s < influx.keep_days * _DAY_S:
        return warn(
            _SUBJECT,
            f"the bucket {influx.bucket} keeps {kept_s / _DAY_S:.0f} days,"
            f" and {influx.keep_days} are wanted",
            f"influx bucket update --name {influx.bucket} --retention {influx.keep_days}d",
        )
    kept = f"{kept_s / _DAY_S:.0f} days" if kept_s else "everything"
    return good(_SUBJECT, f"the bucket {influx.bucket} is there and keeps {kept}")


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body or b"{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
