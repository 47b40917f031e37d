"""Tells people: the escalator that decides notices, and a courier for each channel of the site that
carries them.

Channels that cannot start are said in every notice that waits for them: a missing secret stops no siren.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final

import structlog
from pydantic import SecretStr
from sqlalchemy import Engine

from delivery.courier import Courier
from domain.clock import Clock
from domain.notices import Channel, ChannelKind, Message, Notice
from domain.ports import Counters, NoticeRefused, NoticeSender
from linkage.plan import LinkagePlan
from linkage.responsibility import Responsibility
from service.escalating import Escalator
from service.settings import BadSettings, secret
from service.workers import Worker
from storage.notices import SqlNotices

log = structlog.get_logger(__name__)

_SAY_AT_MOST: Final = 200


class Notifier:
    """Nothing runs for a site without ladders."""

    def __init__(
        self,
        engine: Engine,
        plan: LinkagePlan,
        responsibility: Callable[[], Responsibility] | None = None,
        *,
        clock: Clock,
        counters: Counters,
        tell: Callable[[dict[str, object]], None],
        name: str = "core",
        ours: Callable[[], Collection[int] | None] = lambda: None,
        may_send: Callable[[], bool] = lambda: True,
    ) -> None:
        """`tell` hears live changes for the console; `ours` and `may_send` are those of one worker of
        several: it escalates its own partitions, and one of them sends."""
        of_site = Responsibility(plan.organisation, plan.zone, plan.version, plan.responsible)
        self._tell = tell
        self.queue = SqlNotices(engine, name)
        self.couriers: tuple[Courier, ...] = ()
        self.escalator: Escalator | None = None
        if not (plan.notices.attended or plan.notices.unattended):
            return
        self.couriers = tuple(
            Courier(
                channel,
                sender_of(channel),
                self.queue,
                plan.notices,
                key=self.queue.key,
                counters=counters,
                language=plan.language,
                clock=clock,
                may_send=may_send,
                on_change=self._changed,
            )
            for channel in plan.notices.channels.values()
            if channel.kind is not ChannelKind.PHONE
        )
        self.escalator = Escalator(
            engine,
            plan,
            responsibility or (lambda: of_site),
            clock=clock,
            counters=counters,
            on_notices=self._decided,
            ours=ours,
            name=name,
        )

    def start(self) -> None:
        """The escalator's own thread is started with core's others."""
        for courier in self.couriers:
            courier.start()

    def stop(self) -> None:
        for courier in self.couriers:
            courier.stop(timeout_s=0.5)  # one that hangs leaves its notices in the records

    def workers(self) -> list[Worker]:
        return [self.escalator.worker] if self.escalator else []

    def _decided(self, notices: Sequence[Notice]) -> None:
        for courier in self.couriers:
            courier.wake()
        self._changed(len(notices))

    def _changed(self, count: int) -> None:
        self._tell({"kind": "notice", "count": count, "text": ""})


def sender_of(channel: Channel) -> NoticeSender:
    """Imported where a site has such a channel: a core without needs no HTTP."""
    try:
        key = secret(channel.key_env) if channel.key_env else None
        signing = secret(channel.secret_env) if channel.secret_env else None
    except BadSettings:
        missing = channel.key_env if not _is_set(channel.key_env) else channel.secret_env
        log.error("notice_channel_unusable", channel=channel.channel_id, variable=missing)
        return Unusable(f"set the environment variable {missing}: it holds a secret of the channel")
    return _made(channel, key, signing)


def _made(channel: Channel, key: SecretStr | None, signing: SecretStr | None) -> NoticeSender:
    match channel.kind:
        case ChannelKind.SMS:
            from delivery.sms import SmsSender

            return SmsSender(channel, key)
        case ChannelKind.MAIL:
            from delivery.mail import MailSender

            return MailSender(channel, key)
        case ChannelKind.PHONE:
            return Unusable("a telephone call is made by a person: see the page of notices")
    from delivery.chat import DingtalkSender, FeishuSender, WecomSender

    known = key or SecretStr("")
    match channel.kind:
        case ChannelKind.WECOM:
            return WecomSender(known, channel.url)
        case ChannelKind.DINGTALK:
            return DingtalkSender(known, signing, channel.url)
        case ChannelKind.FEISHU:
            return FeishuSender(known, signing, channel.url)


def _is_set(variable: str) -> bool:
    if not variable:
        return True
    try:
        secret(variable)
    except BadSettings:
        return False
    return True


class Unusable:
    """Takes nothing and says why."""

    largest = _SAY_AT_MOST * 10

    def __init__(self, why: str) -> None:
        self._why = why

    def send(self, message: Message) -> None:
        raise NoticeRefused(self._why)
