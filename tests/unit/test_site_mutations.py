"""One-line mistakes in the example site: each is told at its file and line, and nothing else is."""

import shutil
from pathlib import Path

import pytest

from service.site.load import check
from tests.support.mutations import Mistake

EXAMPLE = Path(__file__).parents[2] / "examples" / "changqing-like"
LY, SP, FEEDER = "assets/liuyuan.yaml", "assets/shiping.yaml", "assets/templates/feeder-10kv.yaml"
CAMERAS, FEEDERS = "cameras.yaml", "feeders.yaml"
OIL, LINKAGE, TOPOLOGY = "assets/templates/transformer-35kv.yaml", "linkage.yaml", "topology.yaml"
TEAMS, PEOPLE, UNITS = (f"organisation/{name}.yaml" for name in ("teams", "people", "units"))
NOTICES = "notices.yaml"
PLACES, ZONES, ROSTERS, RULES = (
    *("organisation/places.yaml", "zones.yaml", "rosters.yaml", "credit-rules.yaml"),
)

MISTAKES = {
    # plant
    "unknown-template": Mistake(
        LY, "name: 113联合站线, template: feeder-10kv", "name: 113联合站线, template: feeder-10kw",
        "did you mean 'feeder-10kv'?",
    ),
    "rated-missing": Mistake(
        LY, "template: feeder-10kv, rated: {current_a: 150}", "template: feeder-10kv",
        "needs rated current_a",
    ),
    "rated-unknown": Mistake(
        LY, "rated: {current_a: 120}", "rated: {current_a: 120, un_kv: 10}", "has no rated 'un_kv'"
    ),
    "rated-negative": Mistake(LY, "current_a: 120", "current_a: -120", "must be greater than 0"),
    "plate-unknown": Mistake(LY, "pickup_a: 300", "pickup: 300", "did you mean 'pickup_a'?"),
    "plate-negative": Mistake(LY, "pickup_a: 300", "pickup_a: -300", "must be greater than 0"),
    "plate-word": Mistake(LY, "pickup_a: 300", "pickup_a: much", "must be a number"),
    "plate-curve": Mistake(
        LY, "tms: 0.1}", "tms: 0.1, curve: very_inverze}", "did you mean 'very_inverse'?"
    ),
    "unknown-source": Mistake(SP, "source: frontend", "source: frontent", "mean 'frontend'?"),
    "staffing": Mistake(SP, "staffing: attended", "staffing: sometimes", "cannot be 'sometimes'"),
    "template-unit": Mistake(FEEDER, "unit: MW", "unit: Mw", "did you mean 'MW'?"),
    "template-suffix-twice": Mistake(
        FEEDER, "template: feeder-10kv\n", "template: feeder-10kv\nsize: 3\n", "no field 'size'", 1
    ),
    "template-limits-not-in-order": Mistake(OIL, "HH: {value: 95,", "HH: {value: 80,", "must rise"),
    "template-mark": Mistake(OIL, "mark: V}", "mark: X}", "cannot be 'X'"),
    "limit-of-nothing": Mistake(
        "limits/changes.yaml", "SP/1T/winding_temp", "SP/3T/winding_temp", "no point is named"
    ),
    # 联动
    "rule-without-device": Mistake(
        LINKAGE, "device: siren-GC", "device: siren-GG", "no field device is named"
    ),
    "device-nowhere": Mistake(LINKAGE, "at: LY/HJ", "at: LY/HX", "no device is named"),
    "violation-point": Mistake(LINKAGE, "SP/WF/unlock,", "SP/WF/unlokc,", "no point is named"),
    "violation-grade": Mistake(LINKAGE, "grade: serious", "grade: terrible", "cannot be"),
    "violation-flag": Mistake(
        LINKAGE, "unless_ticket: true", "unless_ticket: perhaps", "must be true or false"
    ),
    # notices
    "ladder-who": Mistake(NOTICES, "who: station_head", "who: secretary", "cannot be 'secretary'"),
    "ladder-order": Mistake(
        NOTICES,
        "after: 15min}\n  - level: major\n    staffing: attended",
        "after: 1min}\n  - level: major\n    staffing: attended",
        "must follow each other in time", -4,
    ),
    "remote-duty": Mistake(NOTICES, "remote_duty: dd ", "remote_duty: dx ", "no roster is named 'dx'"),
    "contact-person": Mistake(NOTICES, "person: fjl", "person: fjx", "no person is named 'fjx'"),
    "contact-twice": Mistake(NOTICES, "person: jl,", "person: fjl,", "contact of fjl is given twice"),
    "contact-channel": Mistake(
        NOTICES, 'jl, channels: [phone], mobile: "13900000002"', 'jl, channels: [fone]', "mean 'phone'?"
    ),
    "contact-mobile": Mistake(NOTICES, '"13900000001"', '"139 0000 0001"', "digits only"),
    "channel-without-key": Mistake(
        NOTICES, "{id: phone, kind: phone}", "{id: phone, kind: wecom}", "needs key_env"
    ),
    "channel-secret-in-the-url": Mistake(
        NOTICES, "{id: phone, kind: phone}",
        '{id: phone, kind: wecom, key_env: A, url: "https://x/send?key=1"}', "holds a secret",
    ),
    "channel-secret-in-the-file": Mistake(
        NOTICES, "{id: phone, kind: phone}", "{id: phone, kind: wecom, key_env: 12-ab}", "never the secret"
    ),
    "channel-mail": Mistake(
        NOTICES, "{id: phone, kind: phone}",
        '{id: phone, kind: mail, sender: x, url: "mail:x"}', "is host:port",
    ),
    "channel-accepted": Mistake(
        NOTICES, "{id: phone, kind: phone}",
        '{id: phone, kind: sms, url: "http://x", accepted: "("}', "no regular expression",
    ),
    "office-hours": Mistake(
        NOTICES, 'from: "08:00", lasts: 10h, days', 'from: "8", lasts: 10h, days', "a time of day"
    ),
    "office-days": Mistake(NOTICES, "days: [1, 2,", "days: [0, 2,", "day of the week"),
    # topology
    "cell-busbar": Mistake(
        TOPOLOGY, "busbar: LY-10-1, device: LY/113", "busbar: LY-10-9, device: LY/113", "no busbar"
    ),
    "cell-kind": Mistake(TOPOLOGY, "kind: capacitor", "kind: condenser", "cannot be 'condenser'"),
    "switch-words": Mistake(TOPOLOGY, "truck 113 LY/113/truck", "wagon 113 LY/113/truck", "is no switch"),
    "switch-point": Mistake(
        TOPOLOGY, "breaker 114 LY/114/position", "breaker 114 LY/114/positon", "did you mean"
    ),
    "busbar-twice": Mistake(TOPOLOGY, "{id: LY-10-2,", "{id: LY-10-1,", "busbar LY-10-1 is given twice"),
    # cameras
    "camera-at": Mistake(CAMERAS, "at: LY/113", "at: LY/114x", "no device is named"),
    "camera-kind": Mistake(CAMERAS, "kind: mqtt", "kind: onvif", "cannot be 'onvif'"),
    "camera-twice": Mistake(CAMERAS, "id: LY-10kV", "id: LY-yard", "camera LY-yard is given twice"),
    "camera-voice": Mistake(CAMERAS, "voice: voice-113", "voice: voice-133", "no field device", ),
    "camera-password": Mistake(
        CAMERAS, "rtsp://192", "rtsp://gridwarden:secret@192", "holds a user or a password"
    ),
    "camera-password-itself": Mistake(
        CAMERAS, "GRIDWARDEN_SECRET_CAMERA_LY", "'s3cret!'", "never the password itself"
    ),
    "camera-code": Mistake(CAMERAS, "code: ALONE-01", "code: PPE-03", "cannot be 'PPE-03'"),
    "camera-looks-for": Mistake(
        CAMERAS, "looks_for: [PPE-01, ZONE-02", "looks_for: [PPE-09, ZONE-02", "no rule of code"
    ),
    "camera-two-corners": Mistake(
        CAMERAS, "[[0.05, 0.45], [0.55, 0.45], [0.60, 0.98], [0.02, 0.98]]", "[[0.1, 0.2], [1, 1]]",
        "three corners",
    ),
    "camera-corner-in-pixels": Mistake(CAMERAS, "[0.55, 0.45]", "[387, 0.45]", "parts of the picture"),
    "camera-three-points": Mistake(CAMERAS, ", [0.30, 0.50, 0, 15]]", "]", "four points", -1),
    "camera-point-of-three": Mistake(CAMERAS, "[0.30, 0.50, 0, 15]", "[0.30, 0.50, 0]", "needs 4 numbers"),
    "camera-error": Mistake(CAMERAS, "error_m: 0.5", "error_m: 0", "must be from 0.01 to 20"),
    "camera-tiles": Mistake(CAMERAS, "tiles: 2", "tiles: 9", "from 1 to 4"),
    # feeders
    "feeder-device": Mistake(FEEDERS, "device: LY/113", "device: LY/119", "no device is named"),
    "feeder-first-section": Mistake(FEEDERS, 'switch: "113"', "switch: L0", "begins at the breaker"),
    "feeder-load-unit": Mistake(FEEDERS, "load: LY/113/p", "load: LY/113/ia", "a point in MW is needed"),
    "feeder-skill": Mistake(FEEDERS, "skill: line", "skill: lines", "no crew with the skill"),
    "feeder-load-kind": Mistake(FEEDERS, "kind: storage_tank", "kind: tank", "cannot be 'tank'"),
    "feeder-tie-section": Mistake(FEEDERS, "section: L1,", "section: L2,", "no section of this feeder"),
    "crew-place": Mistake(FEEDERS, "cable], at: base", "cable], at: bose", "no location is named"),
    "road-nowhere": Mistake(FEEDERS, "from: ly, to: lhz, km: 9", "from: ly, to: ly, km: 9", "two different"),
    "earth-busbar": Mistake(FEEDERS, "id: LY-10-1", "id: LY-10-9", "no busbar is named"),
    "earth-busbar-twice": Mistake(FEEDERS, "id: LY-10-2", "id: LY-10-1", "LY-10-1"),
    "earth-voltage-untold": Mistake(FEEDERS, "u0: SP/PT35-1/u0", "u0: SP/PT110-1/u0", "needs a limit"),
    "earth-two-phases": Mistake(FEEDERS, "LY/PT10-1/ub, LY/PT10-1/uc]", "LY/PT10-1/ub]", "A, B and C"),
    "earth-phase-unit": Mistake(FEEDERS, "LY/PT10-1/uc]", "LY/PT10-1/u0]", "a point in kV is needed"),
    "earth-current-unit": Mistake(FEEDERS, "i0: LY/115/i0", "i0: LY/115/p", "a point in A is needed"),
    "earth-line-nowhere": Mistake(FEEDERS, "device: LY/115", "device: LY/119", "no device is named"),
    # organisation
    "unknown-lead": Mistake(TEAMS, "lead: yw-bz", "lead: yw-bx", "no person is named"),
    "unknown-in-chain": Mistake(TEAMS, "chain: [dd-j1, fjl, jl]", "chain: [dd-j1, fjj, jl]", "no person"),
    "team-flag": Mistake(TEAMS, "contractor: true", "contractor: 1", "must be true or false"),
    "person-twice": Mistake(PEOPLE, "id: yw-j2,", "id: yw-y2,", "person yw-y2 is given twice", 2),
    "unknown-unit-parent": Mistake(
        UNITS, "parent: zb1, team: dd", "parent: zb9, team: dd", "no unit is named"
    ),
    "group-without-team": Mistake(UNITS, "team: wx, ", "", "needs its team"),
    "leader-no-member": Mistake(UNITS, "head: wx-bz", "head: wx-7", "must be a member"),
    "two-groups-of-one-team": Mistake(UNITS, "team: xs, head", "team: yw, head", "has the group"),
    "unit-twice-at-a-time": Mistake(UNITS, "until: 2026-08-15", "until: 2026-09-15", "stands here twice", 1),
    "bad-day": Mistake(UNITS, "from: 2026-08-15", "from: 2026-13-15", "must be a day"),
    "place-kind": Mistake(PLACES, "kind: yard", "kind: garden", "cannot be 'garden'"),
    # holidays
    "holiday-backwards": Mistake(ROSTERS, "last: 2027-01-03", "last: 2026-12-31", "must not be before"),
    "holidays-in-common": Mistake(ROSTERS, "first: 2026-10-10", "first: 2026-10-07", "a day in common"),
    "holiday-shift": Mistake(
        ROSTERS, "shifts: [周末听班, 听班]}", "shifts: [周末班, 听班]}", "no shift is named"
    ),
    "holiday-pattern-twice": Mistake(
        ROSTERS, "{instead_of: 白班, shifts: 休}", "{instead_of: [白班, 听班], shifts: 休}", "tells twice"
    ),
    # zones
    "owner-unknown": Mistake(ZONES, "owner: yw-y1", "owner: yw-y9", "no person is named"),
    "owner-no-member": Mistake(ZONES, "owner: yw-y1", "owner: yw-b1", "must be one"),
    "tenures-overlap": Mistake(ZONES, "until: 2026-03-01", "until: 2026-04-01", "two tenures", 1),
    "zone-roster": Mistake(ZONES, "roster: xny", "roster: xnz", "no roster is named"),
    "covered-twice": Mistake(
        ZONES, "- teams: [wx, ww2]", "- teams: [wx, ww2, xs]", "is in zone z-xs already"
    ),
    "station-unknown": Mistake(ZONES, "- station: 35kV沟岔变", "- station: 35kV沟岔", "did you mean"),
    # rosters
    "cycle-shift": Mistake(ROSTERS, "cycle: [早班, 早班,", "cycle: [早班, 晚班,", "no shift is named '晚班'"),
    "shift-too-long": Mistake(ROSTERS, "lasts: 24h", "lasts: 25h", "at most 24h"),
    "shift-time": Mistake(ROSTERS, 'from: "08:30"', 'from: "25:30"', "must be a time of day"),
    "offset-outside": Mistake(
        ROSTERS, "name: 调度丁值, offset: 6", "name: 调度丁值, offset: 8", "lies outside the cycle"
    ),
    "handover-on-call": Mistake(
        ROSTERS, "team: yw\n", "team: yw\n    handover: true\n", "no shift on call", 1
    ),
    "handover-never-late": Mistake(ROSTERS, "late_after: 30min", "late_after: 0", "longer than 0"),
    "leave-of-nobody": Mistake(ROSTERS, "person: xs-1,", "person: xs-9,", "no person is named"),
    "leave-backwards": Mistake(ROSTERS, "until: 2026-12-01", "until: 2026-11-01", "later than from"),
    # credit
    "account": Mistake(RULES, "account: team", "account: crew", "cannot be 'crew'"),
    "points": Mistake(RULES, "points: 1.5", "points: much", "must be a number"),
    "points-too-fine": Mistake(RULES, "points: 1.5", "points: 1.555", "at most two decimals"),
    "points-of-nothing": Mistake(RULES, "points: 1.5", "points: 0", "must not be 0"),
    "cap-too-small": Mistake(RULES, "cap: 20", "cap: 1", "smaller than one item"),
    "item-twice": Mistake(RULES, "id: team-drill", "id: study", "credit item study is given twice"),
    "machine-and-party": Mistake(
        RULES, "violation-own-act, account: safety", "violation-own-act, account: party",
        "never touches party standing",
    ),
    "to-acting": Mistake(RULES, "to: zone_owner", "to: acting", "not who is acting"),
}  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "site"))


def test_the_example_is_in_order() -> None:
    assert check(EXAMPLE) == []


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_one_mistake_is_told_once_at_its_file_and_line(site: Path, mistake: Mistake) -> None:
    line = mistake.make(site)
    (problem,) = check(site)
    assert (problem.file, problem.line) == (mistake.file, line), problem
    assert mistake.says in problem.message


def test_five_mistakes_are_five_problems(site: Path) -> None:
    chosen = ("template-unit", "unknown-lead", "cycle-shift", "points", "cell-kind")
    expected = {(MISTAKES[name].file, MISTAKES[name].make(site)) for name in chosen}
    assert {(problem.file, problem.line) for problem in check(site)} == expected


@pytest.mark.parametrize(
    ("file", "gone", "says"),
    [
        pytest.param(ZONES, "      - station: 石坪光伏电站\n", "逆变器室 is in no zone", id="bay"),
        pytest.param(ZONES, "canteen", "place canteen is in no zone", id="place"),
        pytest.param(ZONES, ", ww2]", "person ww2-1 is in no zone", id="person"),
    ],
)
def test_what_no_zone_covers_is_told_where_it_stands(
    site: Path, file: str, gone: str, says: str
) -> None:
    path = site / file
    text = path.read_text("utf-8")
    assert gone in text
    kept = {"canteen": "office", ", ww2]": "]"}.get(gone, "      - places: []\n")
    if gone == "canteen":
        text = text.replace("[office, canteen]", "[office]")
    elif gone == ", ww2]":
        text = text.replace(gone, kept)
    else:
        text = text.replace(gone, "      - assets: [GF/QX]\n")
    path.write_text(text, "utf-8")
    problems = check(site)
    assert any(says in problem.message for problem in problems), problems
    assert all(problem.line > 0 for problem in problems)
