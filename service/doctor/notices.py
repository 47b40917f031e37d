"""Channels of notices: whether something answers where each one leads, and whether its secrets are set.
Nothing is sent: `gridwarden notify --test PERSON` does that.
"""

import socket
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from delivery.chat import DINGTALK_URL, FEISHU_URL, WECOM_URL
from domain.notices import Channel, ChannelKind
from service.doctor.finding import Finding, good, mend, note, warn
from service.notice_trial import person_ids
from service.settings import BadSettings, secret
from service.site.model import Site

_WITHIN_S: Final = 5.0
_OF_ROBOTS: Final = {
    ChannelKind.WECOM: WECOM_URL,
    ChannelKind.DINGTALK: DINGTALK_URL,
    ChannelKind.FEISHU: FEISHU_URL,
}
_MAIL_PORT: Final = 587


def notice_findings(site: Site) -> Iterator[Finding]:
    plan = site.notices
    if not (plan.attended or plan.unattended):
        yield note("notices", "the site has no notices.yaml: nobody is told of an incident")
        return
    for channel in plan.channels.values():
        if channel.kind is not ChannelKind.PHONE:
            yield _of_channel(channel)
    unknown = sorted(person_ids(site) - set(plan.contacts))
    if unknown:
        yield warn(
            "notices",
            f"{len(unknown)} persons of rosters and commands have no contact: {', '.join(unknown[:8])}",
            "add them to contacts in notices.yaml; until then somebody must find their numbers",
        )
    else:
        yield good("notices", "everybody whom a ladder may name has a contact")


def _of_channel(channel: Channel) -> Finding:
    subject = f"channel {channel.channel_id}"
    for variable in (channel.key_env, channel.secret_env):
        try:
            secret(variable) if variable else None
        except BadSettings:
            return mend(
                subject,
                f"the environment variable {variable} is not set",
                "set it before `gridwarden run`, in the service's unit too",
            )
    host, port = where_of(channel)
    try:
        socket.create_connection((host, port), _WITHIN_S).close()
    except OSError as error:
        return mend(
            subject,
            f"nothing answers at {host}:{port}: {error}",
            "mend its url in notices.yaml, or the way there through the firewall",
        )
    return good(subject, f"answers at {host}:{port}; try it with `gridwarden notify --test PERSON`")


def where_of(channel: Channel) -> tuple[str, int]:
    """Host and port."""
    if channel.kind is ChannelKind.MAIL:
        host, _, port = channel.url.partition(":")
        return host, int(port or _MAIL_PORT)
    address = urlsplit(channel.url or _OF_ROBOTS.get(channel.kind, ""))
    return address.hostname or "", address.port or (443 if address.scheme == "https" else 80)
