"""One checkpoint of two folds that stand at the same journal number: detectors and intake of a partition."""

from dataclasses import replace
from typing import Final

import msgspec

from detectors.evaluate import UnreadableCheckpoint
from domain.assets import ActiveLimits
from storage.checkpoints import Checkpoint
from storage.typed import read_packed

_INTAKE: Final = "intake_"


def together(detectors: Checkpoint, intake: Checkpoint) -> Checkpoint:
    """Under the number of `detectors`."""
    of_intake = {f"{_INTAKE}{name}": array for name, array in intake.arrays.items()}
    return replace(
        detectors,
        arrays={**detectors.arrays, **of_intake},
        meta={"detectors": detectors.meta, "intake": intake.meta},
    )


def limits_of(joint: Checkpoint) -> ActiveLimits:
    """Those that held where it stands. Raises UnreadableCheckpoint."""
    try:
        return read_packed(ActiveLimits, joint.parts["limits"])
    except (KeyError, msgspec.DecodeError) as error:
        raise UnreadableCheckpoint(f"the limits of a checkpoint cannot be read: {error}") from error


def apart(joint: Checkpoint) -> tuple[Checkpoint, Checkpoint]:
    """Detectors and intake."""
    detectors = {
        name: array for name, array in joint.arrays.items() if not name.startswith(_INTAKE)
    }
    intake = {
        name.removeprefix(_INTAKE): array
        for name, array in joint.arrays.items()
        if name.startswith(_INTAKE)
    }
    return (
        replace(joint, arrays=detectors, meta=joint.meta.get("detectors", {})),
        Checkpoint(seq=joint.seq, arrays=intake, meta=joint.meta.get("intake", {})),
    )
