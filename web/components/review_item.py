"""The one card of something that waits for a named person's judgement."""

from nicegui import ui

from domain.clock import SECOND_US
from domain.credit import ReviewItem
from domain.reasons import reason_text
from domain.wording import priority_word
from web.components.evidence import evidence_files
from web.shell import Visit
from web.views import points


def review_card(
    visit: Visit, review: ReviewItem, *, chosen: bool = False, is_new: bool = False
) -> ui.element:
    """Everything that the judge must see; the caller adds what can be done."""
    frame = ui.element("div").classes("gw-card")
    if chosen:
        frame.style("border-color:#1565c0; box-shadow:0 0 0 2px #90caf9")
    with frame:
        with ui.element("div").classes("gw-bar"):
            ui.label(visit.say(f"reviews.kind_{review.kind.value}")).classes("gw-chip gw-strong")
            if review.level:
                word = priority_word(review.level, visit.language)
                ui.label(word).classes(f"gw-chip gw-p{review.level.value}")
            if is_new:
                ui.label(visit.say("reviews.new")).classes("gw-chip gw-p3")
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
    found = [("time", _when(visit, review))]
    if review.sighting:
        found.append(("camera", f"{review.sighting.camera} {review.sighting.area}".strip()))
    if review.asset_id:
        asset = visit.console.asset(review.asset_id)
        found.append(("place", f"{asset.station} {asset.name}"))
    elif review.station:
        found.append(("place", review.station))
    if review.zone_id:
        found.append(("zone", visit.console.zone_name(review.zone_id)))
    if review.established:
        found += [
            ("person", named_text(visit, review)),
            ("clause", review.established.clause),
            ("found_by", visit.say(f"reviews.found_{review.established.found_by.value}")),
        ]
    elif review.person_id:
        found.append(("person", visit.console.person(review.person_id)))
    if review.account:
        found.append(("account", visit.say(f"credit.{review.account.value}")))
        found.append(("points", points(review.points_hundredths)))
    by_rule = review.proposed_by.startswith("rule:")
    found.append(("proposed_by", visit.say("reviews.by_rule") if by_rule else review.proposed_by))
    if by_rule:
        found.append(("rule", str(review.rule_version)))
    return found


def named_text(visit: Visit, review: ReviewItem) -> str:
    """Who was named, each with the role in the work."""
    if review.established is None:
        return visit.console.person(review.person_id) if review.person_id else ""
    return ", ".join(
        visit.say(
            "reviews.in_role",
            name=visit.console.person(each.person_id)
            if each.person_id
            else visit.say("reviews.stranger"),
            role=visit.say(f"reviews.role_{each.role.value}"),
        )
        for each in review.established.named
    )


def _when(visit: Visit, review: ReviewItem) -> str:
    span = review.sighting
    if span is None or span.until_us - span.began_us < SECOND_US:
        return visit.time(review.created_at_us)
    return f"{visit.time(span.began_us)} - {visit.time(span.until_us, '%H:%M:%S')}"


def _list(title: str, lines: tuple[str, ...] | list[str]) -> None:
    if not lines:
        return
    ui.label(title).classes("gw-soft q-mt-sm")
    with ui.element("ul").classes("gw-chain"):
        for line in lines:
            with ui.element("li"):
                ui.label(line).style("overflow-wrap:anywhere")
