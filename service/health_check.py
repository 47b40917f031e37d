"""`gridwarden health`: what the running service says about itself, for a container's health check and for
people who have no curl."""

import http.client
import json
from dataclasses import dataclass
from typing import Any, Final, Literal

from service.settings import BadSettings, MetricsSettings

Question = Literal["live", "ready"]

_WITHIN_S: Final = 5.0
# an address to listen at is none to connect to
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


class NoHealth(Exception):
    """The service does not run, or does not answer."""


@dataclass(frozen=True, slots=True)
class Health:
    """What it answered."""

    ok: bool
    checks: dict[str, dict[str, Any]]

    def failing(self) -> list[str]:
        return [
            f"{name}: {check.get('why', '')} (since {check.get('since', 'unknown')})"
            for name, check in self.checks.items()
            if not check.get("ok")
        ]


def ask_health(metrics: MetricsSettings, question: Question) -> Health:
    """Raises NoHealth, BadSettings where health is off."""
    if not metrics.port:
        raise BadSettings("health is off: set GRIDWARDEN_METRICS__PORT to the port of its answers")
    where = f"{metrics.host}:{metrics.port}"
    connection = http.client.HTTPConnection(
        _EVERYWHERE.get(metrics.host, metrics.host), metrics.port, timeout=_WITHIN_S
    )
    try:
        connection.request("GET", f"/health/{question}")
        said = json.loads(connection.getresponse().read())
        return Health(bool(said["ok"]), dict(said["checks"]))
    except OSError as error:
        raise NoHealth(f"nothing answers at {where}: is `gridwarden run` up? ({error})") from error
    except (http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        raise NoHealth(
            f"what answers at {where} is not gridwarden: give it another port"
        ) from error
    finally:
        connection.close()
