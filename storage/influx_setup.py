"""Makes the bucket of the telemetry in InfluxDB, once; what is there already stays as it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from domain.ports import StorageUnavailable
from storage.influx_server import InfluxConfig

_DAY_S: Final = 86_400
_TIMEOUT_MS: Final = 10_000


def set_up(config: InfluxConfig, keep_days: int) -> list[str]:
    """What was done or found, a sentence each. The token must be allowed to make buckets, and an
    organisation where that is missing. Raises StorageUnavailable."""
    with _client(config) as client:
        done = []
        organisation = _organisation(client, config.org)
        if organisation is None:
            organisation = client.organizations_api().create_organization(name=config.org)
            done.append(f"made the organisation {config.org}")
        buckets = client.buckets_api()
        if buckets.find_bucket_by_name(config.bucket) is not None:  # type: ignore[no-untyped-call]
            return [*done, f"the bucket {config.bucket} is there already: it stays as it is"]
        rules = {"type": "expire", "everySeconds": keep_days * _DAY_S}
        buckets.create_bucket(bucket_name=config.bucket, org=organisation, retention_rules=rules)
        return [*done, f"made the bucket {config.bucket}, which keeps {keep_days} days"]


def _organisation(client: InfluxDBClient, name: str) -> Any:
    try:
        found = client.organizations_api().find_organizations(org=name)  # type: ignore[no-untyped-call]
    except ApiException as error:
        if error.status == 404:
            return None
        raise
    return found[0] if found else None


@contextmanager
def _client(config: InfluxConfig) -> Iterator[InfluxDBClient]:
    with InfluxDBClient(
        url=config.url,
        token=config.token,
        org=config.org,
        timeout=_TIMEOUT_MS,
        ssl_ca_cert=str(config.ca_file) if config.ca_file else None,
    ) as client:
        try:
            yield client
        except ApiException as error:
            raise StorageUnavailable(
                f"InfluxDB at {config.url} answers {error.status} {error.reason}: give a token that may"
                f" make buckets in {config.org}"
            ) from error
        except (HTTPError, OSError) as error:
            raise StorageUnavailable(f"nothing answers at {config.url}: {error}") from error
