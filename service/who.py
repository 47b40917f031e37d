"""`who`: who answers for a place, at a time, and why. Also what the console's question asks."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from domain.arrangements import Arrangement
from domain.handover import Watch
from domain.ids import AssetId, PersonId, PointKey
from domain.reasons import reason_text
from domain.responsibility import Answer, Kind, Party
from linkage.arrangements import Arrangements
from linkage.responsibility import Responsibility
from linkage.watches import Watches
from service.site.model import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Something that somebody answers for."""

    kind: str  # "asset", "place" or "person"
    subject_id: str
    name: str  # as people call it


class NothingFound(ValueError):
    """No place, device or person goes by that name."""


def responsibility_of(
    site: Site,
    watches: Iterable[Watch] = (),
    now_us: int = 0,
    arranged: Iterable[Arrangement] = (),
) -> Responsibility:
    """`watches`: who has the watch at each post, as it is known up to `now_us`; `arranged`: what people
    arranged beside the site."""
    return Responsibility(
        site.organisation,
        site.zone,
        site.version,
        site.responsible,
        Watches(site.plan().posts, watches, now_us),
        Arrangements(arranged, site.organisation.holidays),
    )


def find(site: Site, what: str) -> list[Subject]:
    """By id or point key exactly; else by number, name or initials of pinyin. Raises NothingFound."""
    subjects = list(_subjects(site))
    wanted = what.strip()
    of_point = {point.key: point.asset_id for point in site.points}
    exact = of_point.get(PointKey(wanted), wanted)
    found = [subject for subject in subjects if subject.subject_id == exact]
    found = found or [subject for subject in subjects if wanted and wanted in subject.name]
    found = found or [
        subject for subject in subjects if wanted and wanted.lower() in initials(subject.name)
    ]
    if not found:
        raise NothingFound(
            f"nothing here is called {what!r}: give an id, a number or a part of a name"
        )
    return found


def answer_of(
    responsibility: Responsibility, subject: Subject, at_us: int, kind: Kind | None = None
) -> Answer:
    match subject.kind:
        case "asset":
            asset = AssetId(subject.subject_id)
            return responsibility.of_asset(asset, at_us, kind or Kind.FAULT, subject.name)
        case "place":
            return responsibility.of_place(subject.subject_id, at_us, kind or Kind.FAULT)
        case _:
            person = PersonId(subject.subject_id)
            return responsibility.of_person(person, at_us, kind or Kind.SUPERVISION)


def answer_facts(subject: Subject, answer: Answer, language: str) -> Mapping[str, object]:
    """For a program."""

    def named(party: Party | None) -> Mapping[str, str] | None:
        return {"id": party.person_id, "name": party.name} if party else None

    return {
        "subject": subject.subject_id,
        "name": subject.name,
        "zone": answer.zone_id,
        "zone_name": answer.zone,
        "unit": answer.unit,
        "owner": named(answer.owner),
        "deputy": named(answer.deputy),
        "acting": named(answer.acting),
        "duty_date": answer.duty_date,
        "shift": answer.shift,
        "because": [reason_text(reason, language) for reason in answer.reasons],
        "site_version": answer.version,
    }


def answer_lines(subject: Subject, answer: Answer, language: str) -> Iterator[str]:
    """For a person."""
    chinese = language == "zh-CN"
    words = ("责任区", "责任党员", "副责任人", "处理人", "原因") if chinese else (
        "zone", "owner", "deputy", "acting", "because",
    )  # fmt: skip
    yield f"{subject.name} ({subject.subject_id})"
    yield f"  {words[0]}: {answer.zone or '-'}  {answer.unit}".rstrip()
    for word, party in zip(words[1:4], (answer.owner, answer.deputy, answer.acting), strict=True):
        yield f"  {word}: {party.name if party else '-'}"
    yield f"  {words[4]}:"
    for number, reason in enumerate(answer.reasons, start=1):
        yield f"    {number}. {reason_text(reason, language)}"


def initials(name: str) -> str:
    """lsb for 柳塬变 and the like, in small letters; digits and letters stay."""
    from pypinyin import Style, lazy_pinyin

    return "".join(lazy_pinyin(name, style=Style.FIRST_LETTER)).lower().replace(" ", "")


def _subjects(site: Site) -> Iterator[Subject]:
    for asset in site.assets.values():
        name = f"{asset.station} {asset.name}"
        yield Subject(kind="asset", subject_id=asset.asset_id, name=name)
    for place in site.organisation.places:
        yield Subject(kind="place", subject_id=place.place_id, name=place.name)
    for person in site.organisation.persons:
        yield Subject(kind="person", subject_id=person.person_id, name=person.name)
