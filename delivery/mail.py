"""E-mail by a server of the house. The standard library does it: one more dependency would add nothing
here."""

import smtplib
import ssl
from email.message import EmailMessage
from typing import Final

from pydantic import SecretStr

from domain.notices import Channel, Message
from domain.ports import NoticeRefused, ReceiverAway

_TIMEOUT_S: Final = 10.0
_PORT: Final = 587


class MailSender:
    """One connection per message: a server may close one that is idle."""

    largest = 20_000

    def __init__(self, channel: Channel, password: SecretStr | None = None) -> None:
        host, _, port = channel.url.partition(":")
        self._host = host
        self._port = int(port or _PORT)
        self._channel = channel
        self._password = password

    def send(self, message: Message) -> None:
        if not message.mail:
            raise NoticeRefused("no mail address is known: add it to notices.yaml")
        try:
            with smtplib.SMTP(self._host, self._port, timeout=_TIMEOUT_S) as server:
                if self._channel.tls:
                    server.starttls(context=ssl.create_default_context())
                if self._channel.user and self._password:
                    server.login(self._channel.user, self._password.get_secret_value())
                server.send_message(self._mail(message))
        except smtplib.SMTPAuthenticationError as error:
            raise NoticeRefused("the mail server refuses user or password") from error
        except smtplib.SMTPRecipientsRefused as error:
            raise NoticeRefused("the mail server knows no such address") from error
        except smtplib.SMTPNotSupportedError as error:
            raise NoticeRefused(
                "the mail server offers no TLS: give it a certificate, or write tls: false"
            ) from error
        except smtplib.SMTPResponseException as error:
            if error.smtp_code >= 500:
                raise NoticeRefused(f"the mail server answers {error.smtp_code}") from error
            raise ReceiverAway(f"the mail server answers {error.smtp_code}") from error
        except (smtplib.SMTPException, OSError) as error:
            raise ReceiverAway(
                f"the mail server cannot be reached ({type(error).__name__})"
            ) from error

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = message.title
        mail["From"] = self._channel.sender or self._channel.user
        mail["To"] = message.mail
        mail["Message-ID"] = f"<{message.message_id.hex}@gridwarden>"
        if message.urgent:
            mail["X-Priority"] = "1"
        mail.set_content(message.text, cte="base64")  # every server passes that on
        return mail
