"""Each way out against a receiver on loopback that is as strict as the real one."""

import email
import email.policy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from delivery import http_posting
from delivery.chat import DingtalkSender, FeishuSender, WecomSender, dingtalk_sign, feishu_sign
from delivery.mail import MailSender
from delivery.sms import SmsSender
from domain.notices import Channel, ChannelKind, Message
from domain.ports import NoticeRefused, NoticeSender, ReceiverAway
from tests.support.chat_receiver import (
    KEY,
    SECRET,
    MailServer,
    Receiver,
    mail_server,
    receiving,
)

MESSAGE = Message(
    message_id=UUID(int=5),
    title="【紧急】1号主变",
    text='【紧急】1号主变 "重瓦斯" 动作\n通知号 00000000',
    name="运维甲值正值",
    mobile="13900000302",
    mail="duty@example.invalid",
    urgent=True,
)
Make = Callable[[Receiver, str], NoticeSender]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as started:
        yield started


def wecom(receiver: Receiver, key: str = KEY) -> NoticeSender:
    return WecomSender(SecretStr(key), receiver.url("wecom"))


def dingtalk(receiver: Receiver, key: str = KEY) -> NoticeSender:
    return DingtalkSender(SecretStr(key), SecretStr(SECRET), receiver.url("dingtalk"))


def feishu(receiver: Receiver, key: str = KEY) -> NoticeSender:
    return FeishuSender(SecretStr(key), SecretStr(SECRET), receiver.url("feishu"))


def sms(receiver: Receiver, key: str = KEY, **facts: Any) -> NoticeSender:
    channel = Channel(
        channel_id="sms",
        kind=ChannelKind.SMS,
        url=receiver.url("sms"),
        accepted='"status": "accepted"',
    )
    return SmsSender(replace(channel, **facts), SecretStr(key))


EVERY_WAY = [pytest.param(make, id=make.__name__) for make in (wecom, dingtalk, feishu, sms)]
ROBOTS = EVERY_WAY[:3]


def test_dingtalk_signs_as_in_its_vector() -> None:
    assert (
        dingtalk_sign("secret", 1_700_000_000_000)
        == "OuzzJR5%2BxZ4%2FEYwqtNt6sMYZQMTa%2FHEGvc9miJe7XzY%3D"
    )


def test_feishu_signs_as_in_its_vector() -> None:
    assert feishu_sign("secret", 1_700_000_000) == "fiWS2+gh28DOydAv7hzONH/mDn9+b1Y4Y5ivXWXy8vA="


@pytest.mark.parametrize("make", EVERY_WAY)
def test_a_message_arrives_signed_and_whole(make: Make, receiver: Receiver) -> None:
    make(receiver, KEY).send(MESSAGE)
    (taken,) = receiver.taken
    assert MESSAGE.text in taken.text


def test_robots_mention_the_person(receiver: Receiver) -> None:
    for make in (wecom, dingtalk, feishu):
        make(receiver).send(MESSAGE)
    in_wecom, in_dingtalk, in_feishu = receiver.taken
    assert in_wecom.said["text"]["mentioned_mobile_list"] == ["13900000302"]
    assert in_dingtalk.said["at"] == {"atMobiles": ["13900000302"], "isAtAll": False}
    assert in_dingtalk.text.startswith("@13900000302 ")
    assert in_feishu.text.startswith("@运维甲值正值 ")


def test_without_number_and_name_nobody_is_mentioned(receiver: Receiver) -> None:
    hidden = replace(MESSAGE, name="", mobile="")
    for make in (wecom, dingtalk, feishu):
        make(receiver).send(hidden)
    assert receiver.texts == [MESSAGE.text] * 3
    assert "mentioned_mobile_list" not in receiver.taken[0].said["text"]


@pytest.mark.parametrize("make", EVERY_WAY)
def test_an_error_inside_http_200_is_no_success(make: Make, receiver: Receiver) -> None:
    receiver.behaviours.append("error")
    with pytest.raises(NoticeRefused):
        make(receiver, KEY).send(MESSAGE)
    assert not receiver.taken


@pytest.mark.parametrize("make", EVERY_WAY)
def test_a_wrong_key_is_told_without_it(make: Make, receiver: Receiver) -> None:
    with capture_logs() as logs, pytest.raises(NoticeRefused) as refused:
        make(receiver, "another-key").send(MESSAGE)
    chain = [str(refused.value), repr(refused.value.__cause__), str(logs)]
    assert not any("another-key" in each or SECRET in each for each in chain)


@pytest.mark.parametrize("make", ROBOTS)
def test_more_than_twenty_a_minute_is_later_and_not_never(make: Make, receiver: Receiver) -> None:
    sender = make(receiver, KEY)
    for _ in range(20):
        sender.send(MESSAGE)
    with pytest.raises(ReceiverAway) as away:
        sender.send(MESSAGE)
    assert away.value.retry_after_s == 60
    assert len(receiver.taken) == 20


@pytest.mark.parametrize("make", EVERY_WAY)
@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        pytest.param("hang", ReceiverAway, id="hangs"),
        pytest.param("close", ReceiverAway, id="closes"),
        pytest.param("429", ReceiverAway, id="429"),
        pytest.param("500", ReceiverAway, id="500"),
        pytest.param("404", NoticeRefused, id="404"),
        pytest.param("redirect", NoticeRefused, id="redirect"),
        pytest.param("rubbish", NoticeRefused, id="rubbish"),
        pytest.param("list", NoticeRefused, id="a-list"),
        pytest.param("endless", NoticeRefused, id="endless"),
    ],
)
def test_a_receiver_in_trouble_is_told_and_the_next_message_arrives(
    make: Make,
    behaviour: str,
    expected: type[Exception],
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_posting, "_READ_S", 0.2)
    receiver.behaviours.append(behaviour)
    sender = make(receiver, KEY)
    with pytest.raises(expected) as told:
        sender.send(MESSAGE)
    assert KEY not in str(told.value)
    if behaviour == "429":
        assert getattr(told.value, "retry_after_s", None) == 7
    sender.send(MESSAGE)
    assert len(receiver.taken) == 1


@pytest.mark.parametrize("make", EVERY_WAY)
def test_nobody_at_the_address_is_away(make: Make) -> None:
    with pytest.raises(ReceiverAway, match="cannot be reached"):
        make(Receiver("http://127.0.0.1:1"), KEY).send(MESSAGE)


def test_an_answer_without_a_code_is_no_success(receiver: Receiver) -> None:
    # somebody else's page under the address: HTTP 200, JSON, and nothing in it
    sender = WecomSender(SecretStr(KEY), receiver.url("feishu") + f"/{KEY}")
    with pytest.raises(NoticeRefused, match="without errcode"):
        sender.send(MESSAGE)


def test_the_first_words_of_feishu_count_too(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = feishu(receiver)
    poster = sender._poster  # type: ignore[attr-defined]
    monkeypatch.setattr(poster, "post_json", lambda url, said: {"StatusCode": 0})
    sender.send(MESSAGE)


def test_an_sms_gateway_of_any_kind_gets_the_site_s_body(receiver: Receiver) -> None:
    body = '{"to": "86{to}", "text": "【油田电力】{text}", "id": "{id}"}'
    sms(receiver, body=body).send(MESSAGE)
    (taken,) = receiver.taken
    assert taken.said["to"] == "8613900000302"
    assert taken.text == "【油田电力】" + MESSAGE.text, "quotes and line ends are escaped"
    assert taken.headers["idempotency-key"] == taken.said["id"] == MESSAGE.message_id.hex


def test_a_form_for_gateways_that_want_one(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []

    def post(url: str, *, content: bytes, **more: object) -> bytes:
        sent.append(content)
        return b"000"

    sender = sms(
        receiver,
        body="user={user}&pwd={key}&mobile={to}&content={text}",
        content_type="application/x-www-form-urlencoded",
        user="op",
        accepted="^000",
    )
    monkeypatch.setattr(sender._poster, "post", post)  # type: ignore[attr-defined]
    sender.send(replace(MESSAGE, text="a&b=c"))
    assert sent == [f"user=op&pwd={KEY}&mobile=13900000302&content=a%26b%3Dc".encode()]


def test_without_a_number_there_is_no_sms(receiver: Receiver) -> None:
    with pytest.raises(NoticeRefused, match="no mobile number"):
        sms(receiver).send(replace(MESSAGE, mobile=""))


def mailing(mails: MailServer, **facts: Any) -> MailSender:
    channel = Channel(
        channel_id="mail",
        kind=ChannelKind.MAIL,
        url=mails.address,
        sender="gridwarden@example.invalid",
        tls=False,
    )
    return MailSender(replace(channel, **facts))


def test_a_mail_arrives_in_chinese_under_its_own_number(mails: MailServer) -> None:
    mailing(mails).send(MESSAGE)
    read = email.message_from_string(mails.mails[0], policy=email.policy.default)
    assert (read["Subject"], read["To"]) == (MESSAGE.title, MESSAGE.mail)
    assert read["Message-ID"] == f"<{MESSAGE.message_id.hex}@gridwarden>"
    assert read.get_content().strip() == MESSAGE.text


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(550, NoticeRefused, id="no-such-address"),
        pytest.param(450, NoticeRefused, id="every-recipient-refused"),
    ],
)
def test_a_mail_server_that_does_not_take_it(
    mails: MailServer, answer: int, expected: type[Exception]
) -> None:
    mails.answers.append(answer)
    with pytest.raises(expected):
        mailing(mails).send(MESSAGE)


def test_a_mail_server_without_tls_is_told_not_trusted(mails: MailServer) -> None:
    with pytest.raises(NoticeRefused, match="tls: false"):
        mailing(mails, tls=True).send(MESSAGE)
    assert not mails.mails


def test_no_mail_server_is_away() -> None:
    with pytest.raises(ReceiverAway):
        mailing(MailServer("127.0.0.1:1")).send(MESSAGE)


def test_without_an_address_there_is_no_mail(mails: MailServer) -> None:
    with pytest.raises(NoticeRefused, match="no mail address"):
        mailing(mails).send(replace(MESSAGE, mail=""))


def test_a_dripping_answer_comes_to_an_end(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_posting, "_IN_ALL_S", -1.0)
    with pytest.raises(ReceiverAway, match="end of its answer"):
        wecom(receiver).send(MESSAGE)
