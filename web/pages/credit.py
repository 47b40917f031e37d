"""Credit: people by zone, and a member's three accounts with every entry and its reasons."""

from uuid import UUID

from nicegui import ui

from domain.access import may
from domain.clock import system_clock
from domain.credit import Account, CreditEntry, Trigger
from domain.ids import PersonId
from domain.reasons import reason_text
from domain.requests import ProposeCredit, ProposeReversal
from web.components.download import excel_button
from web.components.table import Column, DataTable, Row
from web.shell import Visit, console_page
from web.views import points


@console_page("/credit", "credit.title")
def credit_page(visit: Visit) -> None:
    with ui.element("div").classes("gw-bar"):
        ui.label(visit.say("credit.title")).classes("gw-title")
        ui.space()
        if visit.user.person_id:
            ui.link(visit.say("credit.mine"), f"/member/{visit.user.person_id}")
        excel_button(visit, "credit", lambda: _sheet(visit))
    ui.label(visit.say("credit.note")).classes("gw-soft")
    if visit.console.site.rule_book.shadow:
        ui.label(visit.say("reviews.shadow")).classes("gw-note")
    table = DataTable(
        [
            Column("unit", visit.say("credit.unit")),
            Column("person", visit.say("credit.person")),
            *(Column(account.value, visit.say(f"credit.{account.value}")) for account in Account),
        ],
        visit.say("credit.no_members"),
        on_open=lambda person: ui.navigate.to(f"/member/{person}"),
    )

    def refresh() -> None:
        table.show(_people(visit))

    refresh()
    visit.on_change({"entry"}, refresh)


def _people(visit: Visit) -> list[Row]:
    balances = visit.console.reads.balances()
    now_us = system_clock()
    rows = []
    for person in visit.console.site.organisation.persons:
        mine = balances.get(person.person_id, {})
        if not person.member and not mine:
            continue
        zone = visit.console.responsibility.of_person(person.person_id, now_us).zone
        row: Row = {"id": person.person_id, "opens": True, "unit": zone, "person": person.name}
        for account in Account:
            row[account.value] = _balance(visit, mine, account)
        rows.append(row)
    return sorted(rows, key=lambda row: (row["unit"], row["person"]))


def _balance(visit: Visit, mine: dict[tuple[Account, bool], int], account: Account) -> str:
    counting, shadow = mine.get((account, False), 0), mine.get((account, True), 0)
    text = points(counting)
    return (
        f"{text} ({visit.say('credit.shadow_balance', points=points(shadow))})" if shadow else text
    )


def _sheet(visit: Visit) -> tuple[list[str], list[list[object]]]:
    headings = [visit.say("credit.unit"), visit.say("credit.person")]
    headings += [visit.say(f"credit.{account.value}") for account in Account]
    names = ["unit", "person", *(account.value for account in Account)]
    return headings, [[row[name] for name in names] for row in _people(visit)]


@console_page("/member/{person_id}", "credit.title")
def member_page(visit: Visit, person_id: str) -> None:
    persons = {each.person_id: each for each in visit.console.site.organisation.persons}
    person = persons.get(PersonId(person_id))
    if person is None:
        ui.label(visit.say("common.not_here")).classes("gw-note")
        return
    with ui.element("div").classes("gw-bar"):
        ui.label(person.name).classes("gw-title")
        ui.label(person.position).classes("gw-soft")
        ui.space()
        if may(visit.user.roles, ProposeCredit):
            _propose_button(visit, person.person_id)
    balances = ui.element("div").classes("gw-bar")
    ui.label(visit.say("credit.object")).classes("gw-soft")
    table = DataTable(
        [
            Column("when", visit.say("credit.when")),
            Column("account", visit.say("credit.account")),
            Column("item", visit.say("credit.item"), wide=True),
            Column("points", visit.say("credit.points")),
            Column("why", visit.say("credit.why"), wide=True),
            Column("by", visit.say("credit.confirmed_by")),
            Column("rule", visit.say("credit.rule")),
            Column("seal", visit.say("credit.seal")),
            Column("acts", ""),
        ],
        visit.say("credit.empty"),
        on_act=lambda act, entry: _reverse(visit, UUID(entry)),
    )

    def refresh() -> None:
        mine = visit.console.reads.balances().get(person.person_id, {})
        balances.clear()
        with balances:
            for account in Account:
                with ui.element("div").classes("gw-card").style("width:auto; min-width:130px"):
                    ui.label(visit.say(f"credit.{account.value}")).classes("gw-soft")
                    ui.label(_balance(visit, mine, account)).classes("gw-title")
        table.show(_entries(visit, person.person_id))

    refresh()
    visit.on_change({"entry"}, refresh)


def _entries(visit: Visit, person: PersonId) -> list[Row]:
    entries = visit.console.reads.entries_of(person)
    numbers = visit.console.reads.seal_numbers([entry.entry_id for entry in entries])
    corrected = {entry.corrects for entry in entries}
    texts = {item.item_id: item.text for item in visit.console.site.rule_book.items}
    rows = []
    for entry in entries:
        may_reverse = entry.corrects is None and entry.entry_id not in corrected
        acts = [["reverse", visit.say("credit.reverse")]]
        rows.append(
            {
                "id": str(entry.entry_id),
                "when": visit.time(entry.effective_at_us, "%Y-%m-%d %H:%M"),
                "account": visit.say(f"credit.{entry.account.value}"),
                "item": texts.get(entry.item_id, entry.item_id),
                "points": _points(visit, entry),
                "why": "; ".join(reason_text(each, visit.language) for each in entry.reasons),
                "by": entry.confirmed_by,
                "rule": entry.rule_version,
                "seal": numbers.get(entry.entry_id, visit.say("credit.unsealed")),
                "acts": acts if may_reverse and may(visit.user.roles, ProposeReversal) else [],
            }
        )
    return rows


def _points(visit: Visit, entry: CreditEntry) -> str:
    words = [points(entry.points_hundredths)]
    if entry.corrects:
        words.append(visit.say("credit.corrects"))
    if entry.shadow:
        words.append(visit.say("credit.shadow"))
    return ", ".join(words)


def _reverse(visit: Visit, entry: UUID) -> None:
    async def send() -> None:
        outcome = await visit.ask(ProposeReversal(entry_id=entry, words=words.value or ""))
        if outcome and outcome.done:
            dialog.close()

    with ui.dialog(value=True) as dialog, ui.card().style("min-width:300px"):
        ui.label(visit.say("credit.reverse")).classes("gw-head")
        words = ui.input(visit.say("credit.reverse_why")).classes("w-full").props("autofocus")
        words.on("keydown.enter", send)
        with ui.row():
            ui.button(visit.say("common.ok"), on_click=send).props("no-caps unelevated")
            ui.button(visit.say("common.cancel"), on_click=dialog.close).props("no-caps flat")


def _propose_button(visit: Visit, person: PersonId) -> None:
    book = visit.console.site.rule_book
    items = {
        item.item_id: f"{visit.say(f'credit.{item.account.value}')}: {item.text} "
        f"{points(item.points_hundredths)}"
        for item in book.items
        if item.trigger is Trigger.BY_HAND
    }
    if not items:
        return

    async def send() -> None:
        if not item.value:
            return
        outcome = await visit.ask(
            ProposeCredit(item_id=item.value, person_id=person, words=words.value or "")
        )
        if outcome and outcome.done:
            dialog.close()

    with ui.dialog() as dialog, ui.card().style("min-width:320px"):
        ui.label(visit.say("credit.propose")).classes("gw-head")
        item = ui.select(items, label=visit.say("credit.item")).classes("w-full")
        words = ui.input(visit.say("credit.words")).classes("w-full")
        with ui.row():
            ui.button(visit.say("common.ok"), on_click=send).props("no-caps unelevated")
            ui.button(visit.say("common.cancel"), on_click=dialog.close).props("no-caps flat")
    ui.button(visit.say("credit.propose"), on_click=dialog.open).props("no-caps outline")
