"""The one card of something that waits for a named person's judgement."""

from nicegui import ui

from domain.credit import ReviewItem
from domain.reasons import reason_text
from web.components.evidence import evidence_files
from web.shell import Visit
from web.views import points


def review_card(visit: Visit, review: ReviewItem, *, chosen: bool = False) -> ui.element:
    """Everything that the judge must see; the caller adds what can be done."""
    frame = ui.element("div").classes("gw-card")
    if chosen:
        frame.style("border-color:#1565c0; box-shadow:0 0 0 2px #90caf9")
    with frame:
        with ui.element("div").classes("gw-bar"):
            ui.label(visit.say(f"reviews.kind_{review.kind.value}")).classes("gw-chip gw-strong")
            if review.code:
                ui.label(review.code).classes("gw-chip gw-plain")
            ui.label(visit.say(f"reviews.state_{review.state.value}")).classes("gw-chip gw-wait")
            if review.shadow:
                ui.label(visit.say("reviews.shadow_chip")).classes("gw-chip gw-plain")
        ui.label(review.text).classes("gw-title q-my-xs")
        with ui.element("div").classes("gw-facts"):
            for word, value in _facts(visit, review):
                ui.label(visit.say(f"reviews.{word}"))
                ui.label(value).style("overflow-wrap:anywhere")
        _list(visit.say("reviews.evidence"), review.evidence)
        evidence_files(visit, review)
        reasons = [reason_text(reason, visit.language) for reason in review.reasons]
        _list(visit.say("reviews.reasons"), reasons)
        if review.incident_id:
            target = f"/incident/{review.incident_id}"
            ui.link(visit.say("reviews.to_incident"), target)
        if review.judged_by:
            ui.label(
                visit.say(
                    "reviews.judged_by",
                    by=review.judged_by,
                    when=visit.time(review.judged_at_us),
                    state=visit.say(f"reviews.state_{review.state.value}"),
                    words=review.judgement or "-",
                )
            ).classes("gw-soft")
    return frame


def _facts(visit: Visit, review: ReviewItem) -> list[tuple[str, str]]:
    found = [("time", visit.time(review.created_at_us))]
    if review.asset_id:
        asset = visit.console.asset(review.asset_id)
        found.append(("place", f"{asset.station} {asset.name}"))
    if review.zone_id:
        found.append(("zone", visit.console.zone_name(review.zone_id)))
    if review.person_id:
        found.append(("person", visit.console.person(review.person_id)))
    if review.account:
        found.append(("account", visit.say(f"credit.{review.account.value}")))
        found.append(("points", points(review.points_hundredths)))
    by_rule = review.proposed_by.startswith("rule:")
    found.append(("proposed_by", visit.say("reviews.by_rule") if by_rule else review.proposed_by))
    found.append(("rule", str(review.rule_version)))
    return found


def _list(title: str, lines: tuple[str, ...] | list[str]) -> None:
    if not lines:
        return
    ui.label(title).classes("gw-soft q-mt-sm")
    with ui.element("ul").classes("gw-chain"):
        for line in lines:
            with ui.element("li"):
                ui.label(line).style("overflow-wrap:anywhere")
