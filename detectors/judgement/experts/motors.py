"""Experts on motors: shorted turns of the stator by the currents of its three wires."""

from dataclasses import replace
from typing import Final

from detectors.judgement import motor
from detectors.judgement.motor import HealthyMotor
from detectors.judgement.remembered import Remembered
from detectors.judgement.unbalance import UnusablePhases, sequence_of_sizes
from detectors.judgement.view import View, agrees, cannot_tell
from domain.findings import Cause, Opinion
from domain.responsibility import Reason

CURRENTS: Final = ("ia", "ib", "ic")
MARK: Final = "stator_temp"  # an asset that measures it is a motor
_SURE_AFTER: Final = 2  # ten-minute means in a row
_STEADY_SHARE: Final = (
    0.1  # of the current from look to look: what changes faster is a start or a stroke
)


def of_turns(view: View, memory: Remembered, healthy: HealthyMotor | None) -> list[Opinion]:
    """Negative over positive sequence against what this motor showed when it was well; only while it runs
    steadily."""
    if not view.has(*CURRENTS, MARK):
        return []
    inputs = view.inputs(*CURRENTS)
    if healthy is None:
        return [cannot_tell(motor.RULE, Cause.SHORTED_TURNS, inputs, "healthy_runs")]
    sizes = [view.known(name) for name in CURRENTS]
    a, b, c = ((each if each is not None else 0.0) for each in sizes)
    try:
        found = sequence_of_sizes(a, b, c)
    except UnusablePhases:
        memory.amperes = None
        return []  # it stands still, or a phase is missing: that is another's matter
    before, memory.amperes = memory.amperes, abs(found.positive)
    steady = before is not None and abs(memory.amperes - before) <= _STEADY_SHARE * before
    memory.turns.add(view.at_us, motor.share(found) if steady else None)
    fault = motor.shorted_turns(found, healthy)
    if fault is None or not steady or not memory.turns.stays_above(_SURE_AFTER, healthy.limit):
        return []
    said = agrees(
        motor.RULE, Cause.SHORTED_TURNS, 0.7, 100.0 * fault.share, 100.0 * fault.limit, "%", inputs,
        motor.PROVENANCE, drawing=memory.turns.drawing("pu", healthy.usual, healthy.limit),
    )  # fmt: skip
    why = Reason.of(
        "turns_shorted",
        share=f"{100 * fault.share:.1f}",
        limit=f"{100 * fault.limit:.1f}",
        phase=fault.phase,
        runs=str(healthy.runs),
    )
    return [
        replace(
            said,
            expected=round(100.0 * healthy.usual, 2),
            why=why,
            would_change=Reason.of("supply_would_explain"),
        )
    ]
