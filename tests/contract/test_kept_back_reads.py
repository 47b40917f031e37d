"""Each list of what is kept back has what belongs to it, and its count, from each database."""

from collections.abc import Iterator

import pytest

from domain.alarms import Withheld, Withholding
from domain.assets import Condition
from domain.clock import MINUTE_US
from domain.ids import suppression_id
from domain.paperwork import TagKind
from domain.requests import HangTag, ShelveAlarm
from storage.alarm_reads import KEPT_BACK_VIEWS, AlarmFilter, AlarmReads, AlarmView
from storage.records import SqlRecords
from tests.support.control_room import NEIGHBOUR, SIDE, ControlRoom
from tests.support.records_stores import RecordsStore

OIL = "LY/1T/top_oil_temp"


@pytest.fixture
def records(store: RecordsStore) -> Iterator[SqlRecords]:
    engine = store.engine()
    yield SqlRecords(engine)
    engine.dispose()


def test_a_shelf_a_rule_and_a_tag_each_have_their_list(records: SqlRecords) -> None:
    room = ControlRoom()
    room.does(ShelveAlarm(point=OIL, condition=Condition.HIGH, reason="x", for_us=MINUTE_US))
    shelved = room.raises()
    tag = room.hangs(HangTag(kind=TagKind.MAINTENANCE, asset_id=SIDE.asset_id))
    tagged = room.raises(point="LY/301/position", asset_id=SIDE.asset_id)
    rule = Withholding(
        withholding_id=suppression_id("liuyuan", "dead-bay", "LY/113/uab", "L", room.at_us),
        kind=Withheld.SUPPRESSED,
        point="LY/113/uab",
        condition=Condition.LOW,
        reason="断路器在分位",
        by="dead-bay",
        at_us=room.at_us,
    )
    shown = room.raises(condition=Condition.HIGH_HIGH)
    suppressed = room.raises(point="LY/113/uab", asset_id=NEIGHBOUR.asset_id)
    kept = room.alarm(suppressed).kept_from_operator(Withheld.SUPPRESSED, rule.withholding_id)
    everything = room.everything
    everything.alarms.append(kept)
    everything.withholdings.append(rule)
    records.commit(everything, 1)
    reads = AlarmReads(records.engine)

    listed = {
        view: [each.alarm.event_id for each in reads.page(AlarmFilter(view=view))]
        for view in AlarmView
    }
    assert listed == {
        AlarmView.CURRENT: [shown.event_id],
        AlarmView.SHELVED: [shelved.event_id],
        AlarmView.SUPPRESSED: [suppressed.event_id],
        AlarmView.TAGGED: [tagged.event_id],
        AlarmView.PAST: [],
    }
    assert reads.kept_back() == dict.fromkeys(KEPT_BACK_VIEWS, 1)
    assert reads.kept_back([SIDE.asset_id]) == {AlarmView.TAGGED: 1}
    assert reads.kept_by([tag.tag_id, rule.withholding_id]) == {
        tag.tag_id: 1,
        rule.withholding_id: 1,
    }
    assert rule in reads.withholdings()
