"""credit-rules.yaml: what is credited to whom. Editable defaults with their marks, never anybody's law."""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from domain.assets import Priority
from domain.credit import Account, Beneficiary, CreditItem, Period, RuleBook, Trigger
from domain.judgements import FoundBy
from service.site.found import Found, document
from service.site.nodes import Fields
from service.site.words import MARKS, PRIORITIES

ACCOUNTS: Final = {account.value: account for account in Account}
TRIGGERS: Final = {trigger.value: trigger for trigger in Trigger}
BENEFICIARIES: Final = {each.value: each for each in Beneficiary}
FINDERS: Final = {each.value: each for each in FoundBy}
PERIODS: Final = {period.value: period for period in Period}


def read_credit_rules(folder: Path, found: Found) -> RuleBook:
    """An empty book where there is no file: then nothing is ever proposed."""
    if not (folder / "credit-rules.yaml").exists():
        return RuleBook()
    fields = document(folder, folder / "credit-rules.yaml", found)
    if fields is None:
        return RuleBook()
    fields.name = "credit-rules.yaml"
    book = RuleBook(
        name=fields.text("name"),
        version=fields.whole("version", 1, 1_000_000, fallback=1),
        shadow=fields.flag("shadow", True),
        deductions=fields.flag("deductions", False),
        party_module=fields.flag("party_module", True),
        items=tuple(_item(group, found) for group in fields.groups("items", "an item")),
    )
    fields.value("version", required=True)
    fields.done()
    return book


def _item(fields: Fields, found: Found) -> CreditItem:
    points = _hundredths(fields, "points")
    item = CreditItem(
        item_id=fields.text("id"),
        account=fields.choice("account", ACCOUNTS, Account.SAFETY),
        text=fields.text("text"),
        points_hundredths=points or 0,
        trigger=fields.choice("trigger", TRIGGERS, Trigger.BY_HAND),
        to=fields.choice("to", BENEFICIARIES, Beneficiary.NAMED),
        at_least=fields.choice("at_least", PRIORITIES, Priority.MINOR),
        within_us=fields.duration("within", fallback=0) or None,
        codes=frozenset(code for value in fields.texts("codes") if (code := value.text())),
        found_by=frozenset(_finders(fields)),
        cap_hundredths=_hundredths(fields, "cap", required=False),
        period=fields.choice("period", PERIODS, Period.QUARTER),
        mark=fields.choice("mark", MARKS, "D"),
        source=fields.text("source", fallback=""),
    )
    for key in ("account", "trigger", "to"):
        fields.value(key, required=True)
    fields.done()
    _expect_sense(fields, item)
    at = fields.value("id") or fields
    if item.item_id:
        found.is_new("credit item", item.item_id, at)
    return item


def _finders(fields: Fields) -> Iterator[FoundBy]:
    for value in fields.texts("found_by"):
        word = value.text()
        if word in FINDERS:
            yield FINDERS[word]
        elif word is not None:
            value.wrong(f"found_by is some of {', '.join(FINDERS)}, not {word!r}")


def _expect_sense(fields: Fields, item: CreditItem) -> None:
    points, cap, account = (fields.value(key) for key in ("points", "cap", "account"))
    if points and item.points_hundredths == 0 and points.is_word("0", "0.0", "-0"):
        points.wrong("points must not be 0")
    if (
        cap
        and item.cap_hundredths is not None
        and item.cap_hundredths < abs(item.points_hundredths)
    ):
        cap.wrong("cap is smaller than one item: it could never be credited in full")
    by_machine = item.trigger is not Trigger.BY_HAND
    if account and item.account is Account.PARTY and by_machine and item.points_hundredths < 0:
        account.wrong("an alarm or a camera never touches party standing by itself")
    to = fields.value("to")
    acting_on_violation = (
        item.trigger is Trigger.VIOLATION_CONFIRMED and item.to is Beneficiary.ACTING
    )
    if to and acting_on_violation:
        to.wrong("a violation concerns the zone's owner or the one who is named, not who is acting")
    in_work = item.to in {Beneficiary.WORK_LEADER, Beneficiary.GUARDIAN}
    if to and in_work and item.trigger is Trigger.INCIDENT_HANDLED:
        to.wrong("a work leader or guardian is named by a confirmed violation alone")
    found_by = fields.value("found_by")
    if found_by and item.found_by and item.trigger is not Trigger.VIOLATION_CONFIRMED:
        found_by.wrong("only of a confirmed violation is it known who found it")
    if to and item.trigger is Trigger.BY_HAND and item.to is not Beneficiary.NAMED:
        to.wrong("an item that is proposed by hand goes to the one who is named")


def _hundredths(fields: Fields, key: str, *, required: bool = True) -> int | None:
    """2, -0.5 or 0.25 exactly."""
    value = fields.value(key, required=required)
    written = value.written() if value else None
    if value is None or written is None:
        return None
    try:
        hundredths = Decimal(written) * 100
    except InvalidOperation:
        value.wrong(f"{key} must be a number such as 2 or -0.5, not {written!r}")
        return None
    if not hundredths.is_finite() or hundredths != hundredths.to_integral_value():
        value.wrong(f"{key} has at most two decimals, but is {written}")
        return None
    if abs(hundredths) > 1_000_000:
        value.wrong(f"{key} is out of all proportion: {written}")
        return None
    return int(hundredths)
