"""Findings: what the judgement makes of the equipment, why, and what people say to it."""

from typing import Any, Final
from uuid import UUID

from nicegui import ui

from domain.access import may
from domain.assets import Provenance
from domain.findings import Cause, Drawing, Finding, Opinion, Stance, Verdict
from domain.ids import AssetId
from domain.judgement_words import (
    cause_word,
    expert_word,
    missing_words,
    stance_word,
    verdict_word,
)
from domain.reasons import reason_text
from domain.requests import AnswerConsultation
from domain.wording import quantity
from web.components.drawings import series_svg, triangle_svg
from web.components.redrawn import redrawn
from web.components.table import Column, DataTable
from web.shell import Visit, console_page

_VERDICT_CHIPS: Final = {
    Verdict.FIRM: "gw-strong",
    Verdict.LIKELY: "gw-p3",
    Verdict.CANNOT_TELL: "gw-wait",
}
_STANCE_CHIPS: Final = {
    Stance.AGREES: "gw-p2",
    Stance.CONTRADICTS: "gw-plain",
    Stance.CANNOT_TELL: "gw-wait",
}


@console_page("/judgement", "judgement.title")
def judgement_page(visit: Visit) -> None:
    ui.label(visit.say("judgement.title")).classes("gw-title")
    ui.label(visit.say("judgement.standing")).classes("gw-head")
    standing = findings_table(visit, visit.say("judgement.none_standing"))
    ui.label(visit.say("judgement.past")).classes("gw-head")
    past = findings_table(visit, visit.say("judgement.none_past"))

    def refresh() -> None:
        scope = assets_in_scope(visit)
        now = visit.console.reads.findings(standing=True, asset_ids=scope)
        every = visit.console.reads.findings(standing=False, asset_ids=scope)
        standing.show([finding_row(visit, each) for each in now])
        past.show([finding_row(visit, each) for each in every if each.ended_at_us is not None])

    refresh()
    visit.on_change({"finding"}, refresh)


def assets_in_scope(visit: Visit) -> frozenset[AssetId] | None:
    """None: every asset."""
    if not visit.user.stations:
        return None
    return frozenset(
        asset_id
        for asset_id, asset in visit.console.site.assets.items()
        if visit.user.in_scope(asset.station)
    )


def findings_table(visit: Visit, empty: str) -> DataTable:
    return DataTable(
        [
            Column("asset", visit.say("judgement.asset"), wide=True),
            Column("cause", visit.say("judgement.cause")),
            Column("verdict", visit.say("judgement.verdict")),
            Column("confidence", visit.say("judgement.confidence")),
            Column("began", visit.say("judgement.began")),
            Column("ended", visit.say("judgement.ended")),
        ],
        empty,
        on_open=lambda finding: ui.navigate.to(f"/finding/{finding}"),
    )


def finding_row(visit: Visit, finding: Finding) -> dict[str, Any]:
    asset = visit.console.asset(finding.asset_id)
    return {
        "id": str(finding.finding_id),
        "opens": True,
        "asset": f"{asset.station} {asset.bay} {asset.name}".strip(),
        "cause": cause_word(finding.cause, visit.language),
        "verdict": verdict_word(finding.verdict, visit.language),
        "verdict_chip": _VERDICT_CHIPS[finding.verdict],
        "confidence": f"{100 * finding.confidence:.0f} %",
        "began": visit.time(finding.began_at_us),
        "ended": visit.time(finding.ended_at_us) or visit.say("judgement.still"),
    }


@console_page("/finding/{finding_id}", "judgement.title")
def finding_page(visit: Visit, finding_id: str) -> None:
    try:
        wanted = UUID(finding_id)
    except ValueError:
        ui.label(visit.say("common.not_here")).classes("gw-note")
        return
    finding = visit.console.reads.finding(wanted)
    if finding is None or not visit.user.in_scope(visit.console.asset(finding.asset_id).station):
        ui.label(visit.say("common.not_here")).classes("gw-note")
        return

    redrawn(
        visit,
        {"finding"},
        lambda: visit.console.reads.finding(wanted) or finding,
        lambda now: _body(visit, now),
    )


def _body(visit: Visit, finding: Finding) -> None:
    _head(visit, finding)
    with ui.element("div").classes("gw-grid"):
        with ui.element("div").classes("gw-column"):
            for opinion in finding.opinions:
                if opinion.drawing is not None:
                    _drawn(visit, opinion.drawing)
            ui.label(visit.say("judgement.experts")).classes("gw-head")
            for opinion in finding.opinions:
                _opinion(visit, opinion)
        with ui.element("div").classes("gw-column"):
            _consultation(visit, finding)
            _cases(visit, finding)


def _head(visit: Visit, finding: Finding) -> None:
    asset = visit.console.asset(finding.asset_id)
    with ui.element("div").classes("gw-card"):
        with ui.element("div").classes("gw-bar"):
            ui.label(verdict_word(finding.verdict, visit.language)).classes(
                f"gw-chip {_VERDICT_CHIPS[finding.verdict]}"
            )
            ui.label(
                f"{visit.say('judgement.confidence')} {100 * finding.confidence:.0f} %"
            ).classes("gw-chip gw-plain")
            ended = visit.time(finding.ended_at_us)
            ui.label(ended or visit.say("judgement.still")).classes("gw-chip gw-wait")
        ui.label(
            f"{asset.station} {asset.bay} {asset.name}: {cause_word(finding.cause, visit.language)}"
        ).classes("gw-title q-my-sm")
        ui.label(f"{visit.say('judgement.began')} {visit.time(finding.began_at_us)}").classes(
            "gw-soft"
        )
        if finding.degraded:
            ui.label(visit.say("judgement.degraded")).classes("gw-note q-mt-sm")
        if finding.missing:
            what = missing_words(finding.missing, visit.language)
            ui.label(visit.say("judgement.missing", what=what)).classes("gw-note q-mt-sm")
        ui.link(visit.say("judgement.over_time"), f"/equipment/{finding.asset_id}").classes(
            "q-mt-sm"
        )


def _drawn(visit: Visit, drawing: Drawing) -> None:
    zone = visit.console.site.zone
    match drawing.kind:
        case "triangle":
            title = visit.say("judgement.triangle")
            drawn = triangle_svg(drawing.place, title)
        case "forecast":
            title = visit.say("judgement.forecast")
            words = (visit.say("judgement.oil"), visit.say("judgement.hot_spot"))
            drawn = series_svg(drawing, words, zone, title)
        case _:
            title = visit.say("judgement.plot")
            words = (visit.say("judgement.measured"), visit.say("judgement.expected"))
            drawn = series_svg(drawing, words, zone, title)
    if drawn:
        with ui.element("div").classes("gw-card"):
            ui.label(title).classes("gw-head")
            ui.html(drawn, sanitize=False)


def _opinion(visit: Visit, opinion: Opinion) -> None:
    with ui.element("div").classes("gw-card"):
        with ui.element("div").classes("gw-bar"):
            ui.label(expert_word(opinion.expert, visit.language)).classes("text-weight-medium")
            ui.label(stance_word(opinion.stance, visit.language)).classes(
                f"gw-chip {_STANCE_CHIPS[opinion.stance]}"
            )
            ui.label(cause_word(opinion.cause, visit.language)).classes("gw-chip gw-plain")
        with ui.element("div").classes("gw-facts q-mt-sm"):
            for key, value in _facts(visit, opinion):
                ui.label(visit.say(f"judgement.{key}"))
                ui.label(value).style("overflow-wrap:anywhere")
        if opinion.inputs:
            ui.label(visit.say("judgement.inputs")).classes("gw-soft q-mt-sm")
            _inputs(visit, opinion)


def _facts(visit: Visit, opinion: Opinion) -> list[tuple[str, str]]:
    def shown(value: float | None) -> str:
        return "" if value is None else quantity(value, opinion.unit, visit.language)

    found = [
        ("why", _why(visit, opinion)),
        ("measured", shown(opinion.measured)),
        ("expected", shown(opinion.expected)),
        ("limit", shown(opinion.limit)),
        ("source", _source(visit, opinion.provenance)),
        ("rule", opinion.expert),
        (
            "change",
            reason_text(opinion.would_change, visit.language) if opinion.would_change else "",
        ),
    ]
    return [(key, value) for key, value in found if value]


def _why(visit: Visit, opinion: Opinion) -> str:
    if opinion.missing:
        return visit.say("judgement.missing", what=missing_words(opinion.missing, visit.language))
    return reason_text(opinion.why, visit.language) if opinion.why else ""


def _source(visit: Visit, source: Provenance | None) -> str:
    """DL/T 722 2014 9.3 (U); what has no standard is the product's own default."""
    if source is None:
        return ""
    if not source.standard:
        return visit.say("judgement.our_default")
    words = (source.standard, source.edition, source.clause, f"({source.mark})")
    return " ".join(word for word in words if word)


def _inputs(visit: Visit, opinion: Opinion) -> None:
    table = DataTable(
        [
            Column("point", visit.say("judgement.point"), wide=True),
            Column("value", visit.say("judgement.value")),
            Column("quality", visit.say("judgement.quality")),
            Column("time", visit.say("judgement.time")),
        ],
        "",
    )
    signals = {str(point.key): point.signal for point in visit.console.site.points}
    table.show(
        [
            {
                "id": given.point,
                "point": " ".join(
                    word for word in (signals.get(given.point, ""), given.point) if word
                ),
                "value": ""
                if given.value is None
                else quantity(given.value, given.unit, visit.language),
                "quality": visit.say("judgement.good" if given.good else "judgement.bad"),
                "quality_chip": "gw-plain" if given.good else "gw-p3",
                "time": visit.time(given.at_us) if given.at_us else "",
            }
            for given in opinion.inputs
        ]
    )


def _consultation(visit: Visit, finding: Finding) -> None:
    if not finding.wants_consultation and not finding.answered_by:
        return
    with ui.element("div").classes("gw-card"):
        ui.label(visit.say("judgement.consult")).classes("gw-head")
        if finding.answered_by:
            settled = finding.answered_cause or finding.cause
            ui.label(
                visit.say(
                    "judgement.answered",
                    by=finding.answered_by,
                    cause=cause_word(settled, visit.language),
                    words=finding.answer,
                )
            )
            return
        ui.label(visit.say("judgement.consult_open")).classes("gw-soft")
        if not may(visit.user.roles, AnswerConsultation):
            return
        cause = ui.select(
            {each.value: cause_word(each, visit.language) for each in Cause},
            value=finding.cause.value,
            label=visit.say("judgement.answer_cause"),
        ).classes("full-width")
        words = ui.textarea(visit.say("judgement.answer_words")).classes("full-width")

        async def answer() -> None:
            await visit.ask(
                AnswerConsultation(
                    finding_id=finding.finding_id,
                    cause=Cause(str(cause.value)),
                    words=words.value or "",
                )
            )

        ui.button(visit.say("judgement.answer"), on_click=answer).props("no-caps unelevated")


def _cases(visit: Visit, finding: Finding) -> None:
    with ui.element("div").classes("gw-card"):
        ui.label(visit.say("judgement.cases")).classes("gw-head")
        found = [
            case
            for case in visit.console.reads.cases_like(finding.signature)
            if case.finding_id != finding.finding_id
        ]
        if not found:
            ui.label(visit.say("judgement.no_cases")).classes("gw-soft")
        for case in found:
            asset = visit.console.asset(case.asset_id)
            ui.label(
                f"{visit.time(case.at_us, '%Y-%m-%d')} {asset.station} {asset.name}: "
                f"{cause_word(case.cause, visit.language)}. {case.words} ({case.by})"
            )
