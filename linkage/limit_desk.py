"""Limits changed by people: for level 1 and 2 a second person must agree. Decisions only; raises Refused."""

from collections.abc import Iterable
from typing import Final

from domain.assets import Limit, Point, Priority
from domain.changes import Changes
from domain.ids import from_request
from domain.limit_changes import (
    Campaign,
    LimitChange,
    LimitSetting,
    faults,
    limit_of,
    with_changes,
    with_settings,
)
from domain.paperwork import Approval, ApprovalState, User
from domain.records import Requested
from domain.requests import ChangeLimit, Refused, SwitchCampaign
from domain.responsibility import Reason
from domain.wording import condition_word, duration_text, quantity
from linkage.plan import LinkagePlan

APPROVAL_SUBJECT: Final = "limit"


class LimitDesk:
    """Holds the changes that wait or are effective, and the campaigns."""

    def __init__(
        self,
        plan: LinkagePlan,
        changes: Iterable[LimitChange] = (),
        campaigns: Iterable[Campaign] = (),
    ) -> None:
        self._plan = plan
        self._changes = {str(each.change_id): each for each in changes}
        self._campaigns = {each.mode_id: each for each in campaigns}

    def change(
        self, asked: Requested, request: ChangeLimit, user: User, changes: Changes
    ) -> tuple[str, Approval | None]:
        """The id of the change, and the approval that it waits for."""
        point = self._plan.points.get(request.setting.point)
        limit = limit_of(point, request.setting.condition) if point else None
        if point is None or limit is None:
            raise Refused(Reason.of("no_such_limit", what=request.setting.point))
        station = self._plan.asset(point.asset_id).station
        if not user.in_scope(station):
            raise Refused(Reason.of("out_of_scope", station=station))
        if not request.reason.strip():
            raise Refused(Reason.of("words_needed"))
        self._expect_sense(point, request.setting)
        change = LimitChange(
            change_id=from_request(asked.request_id, "limit change"),
            setting=request.setting,
            was=LimitSetting.of(point.key, limit),
            reason=request.reason.strip(),
            proposed_by=user.name,
            proposed_at_us=asked.at_us,
        )
        if limit.priority > Priority.MAJOR:
            self._keep(change.decided(ApprovalState.EFFECTIVE, asked.at_us), changes)
            return str(change.change_id), None
        self._keep(change, changes)
        approval = Approval(
            approval_id=from_request(asked.request_id, "approval"),
            subject=APPROVAL_SUBJECT,
            subject_id=str(change.change_id),
            summary=(self._summary(point, limit, change), change.reason),
            proposed_by=user.name,
            proposed_at_us=asked.at_us,
        )
        changes.approvals.append(approval)
        return str(change.change_id), approval

    def decided(self, approval: Approval, at_us: int, changes: Changes) -> None:
        """A second person agreed, or did not."""
        change = self._changes.get(approval.subject_id)
        if change is not None:
            self._keep(change.decided(approval.state, at_us), changes)

    def switch(self, request: SwitchCampaign, user: User, at_us: int, changes: Changes) -> str:
        modes = {mode.mode_id: mode for mode in self._plan.modes}
        mode = modes.get(request.mode_id)
        if mode is None or mode.days is not None:
            raise Refused(Reason.of("no_such_campaign", what=request.mode_id))
        before = self._campaigns.get(request.mode_id)
        if (before.is_on if before else False) is request.is_on:
            raise Refused(Reason.of("campaign_is_so", name=mode.name))
        campaign = Campaign(
            mode_id=request.mode_id,
            is_on=request.is_on,
            by=user.name,
            at_us=at_us,
            version=before.version + 1 if before else 1,
        )
        self._campaigns[campaign.mode_id] = campaign
        changes.campaigns.append(campaign)
        return campaign.mode_id

    def _expect_sense(self, point: Point, setting: LimitSetting) -> None:
        """With what holds for the other conditions of the point, and no later word of somebody else."""
        for each in self._changes.values():
            same = (each.setting.point, each.setting.condition) == (
                setting.point,
                setting.condition,
            )
            if same and each.state is ApprovalState.PROPOSED:
                raise Refused(Reason.of("limit_change_waits", by=each.proposed_by))
        (now,) = with_changes([point], self._changes.values())
        if limit_of(now, setting.condition) is None:
            (now,) = [point]
        (changed,) = with_settings([now], [setting])
        if changed == now:
            raise Refused(Reason.of("limit_unchanged"))
        if min(setting.on_delay_us, setting.off_delay_us) < 0:
            raise Refused(Reason.of("negative_delay"))
        for fault in faults(changed):
            raise Refused(fault)

    def _keep(self, change: LimitChange, changes: Changes) -> None:
        self._changes[str(change.change_id)] = change
        if change.state is ApprovalState.REJECTED:
            del self._changes[str(change.change_id)]
        changes.limit_changes.append(change)

    def _summary(self, point: Point, limit: Limit, change: LimitChange) -> str:
        """35kV柳塬变 1号主变 油温 越上限: 85℃ -> 80℃, 延时 10s -> 30s"""
        language, asset = self._plan.language, self._plan.asset(point.asset_id)
        name = f"{asset.station} {asset.name} {point.signal}"
        words = condition_word(limit.condition, language)
        new = change.setting

        def told(value: float | None) -> str:
            return "-" if value is None else quantity(value, point.unit, language)

        parts = (
            f"{told(limit.value)} -> {told(new.value)}",
            f"{told(limit.deadband)} -> {told(new.deadband)}",
            f"{duration_text(limit.on_delay_us)} -> {duration_text(new.on_delay_us)}",
            f"{duration_text(limit.off_delay_us)} -> {duration_text(new.off_delay_us)}",
        )
        return f"{name} {words}: {'; '.join(parts)}"
