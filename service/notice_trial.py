"""A test notice to a person by each of his channels, sent from here and at once: whether he would be told."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

from domain.ids import PersonId
from domain.notice_words import trial_words
from domain.notices import PHONE, Channel, ChannelKind, Contact, Message
from domain.ports import NoticeRefused, ReceiverAway
from service.notifying import sender_of
from service.site.model import Site


class NobodyKnown(ValueError):
    """No such person; the message says what to give instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What became of it by one channel."""

    person: str
    channel: str
    taken: bool
    says: str


def try_person(site: Site, who: str, only: str | None = None) -> Iterator[Trial]:
    """`who` is an id or a name. Raises NobodyKnown."""
    persons = site.organisation.persons
    person = next((each for each in persons if who in (each.person_id, each.name)), None)
    if person is None:
        raise NobodyKnown(
            f"nobody is called {who}: give an id or a name of organisation/people.yaml"
        )
    contact = site.notices.contact(person.person_id)
    for channel_id in contact.channels or (PHONE,):
        if only in (None, channel_id):
            channel = site.notices.channel(channel_id)
            yield _tried(channel, contact, person.name)


def _tried(channel: Channel, contact: Contact, name: str) -> Trial:
    if channel.kind is ChannelKind.PHONE:
        known = "is known" if contact.mobile else "is not known: add mobile to notices.yaml"
        says = f"a person calls; the number {known}"
        return Trial(person=name, channel=channel.channel_id, taken=bool(contact.mobile), says=says)
    words = trial_words()
    message = Message(
        message_id=uuid4(),
        title=words,
        text=words,
        name=name,
        mobile=contact.mobile,
        mail=contact.mail,
    )
    try:
        sender_of(channel).send(message)
    except (NoticeRefused, ReceiverAway) as error:
        return Trial(person=name, channel=channel.channel_id, taken=False, says=str(error))
    return Trial(person=name, channel=channel.channel_id, taken=True, says="the receiver took it")


def person_ids(site: Site) -> set[PersonId]:
    """Those that a ladder may name."""
    commanding = {
        person for team in site.organisation.teams for person in (team.lead, *team.chain) if person
    }
    rosters = site.organisation.rosters
    return commanding | {crew.persons[0] for each in rosters for crew in each.crews if crew.persons}
