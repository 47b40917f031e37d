"""Days and moments as a site folder writes them, in the site's own time."""

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from domain.clock import from_datetime
from domain.organisation import Validity
from service.site.nodes import Fields

_FAR_US: Final = 2**60
_NEVER: Final = Validity(from_us=_FAR_US, until_us=_FAR_US)


def day_of(fields: Fields, key: str, *, required: bool = True) -> date | None:
    """2026-01-01."""
    value = fields.value(key, required=required)
    written = value.written() if value else None
    if value is None or written is None:
        return None
    try:
        return date.fromisoformat(written)
    except ValueError:
        value.wrong(f"{key} must be a day such as 2026-01-31, not {written!r}")
        return None


def moment_of(fields: Fields, key: str, zone: ZoneInfo) -> int | None:
    """2026-01-01, which is its midnight, or 2026-01-01 08:00; microseconds since 1970 UTC."""
    value = fields.value(key)
    written = value.written() if value else None
    if value is None or written is None:
        return None
    try:
        local = datetime.fromisoformat(written)
    except ValueError:
        value.wrong(f"{key} must be a day such as 2026-01-31 or 2026-01-31 08:00, not {written!r}")
        return None
    return from_datetime(local if local.tzinfo else local.replace(tzinfo=zone))


def validity_of(fields: Fields, zone: ZoneInfo) -> Validity:
    """`from` (included) and `until` (excluded); both may be left out."""
    validity = Validity(
        from_us=moment_of(fields, "from", zone), until_us=moment_of(fields, "until", zone)
    )
    start, until = fields.value("from"), fields.value("until")
    if (start and validity.from_us is None) or (until and validity.until_us is None):
        return _NEVER  # told already; it must not look like an overlap too
    if until and None not in (validity.from_us, validity.until_us) and _ends_first(validity):
        until.wrong("until must be later than from")
    return validity


def _ends_first(validity: Validity) -> bool:
    assert validity.from_us is not None
    assert validity.until_us is not None
    return validity.until_us <= validity.from_us


def overlap(one: Validity, other: Validity) -> bool:
    def before(a: Validity, b: Validity) -> bool:
        return a.until_us is not None and b.from_us is not None and a.until_us <= b.from_us

    return not before(one, other) and not before(other, one)
