"""The example site at a good moment: a shift of its dispatch room ends in half an hour."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Final

from domain.clock import system_clock, to_datetime
from service.site.load import load
from tests.support.running import ROOT

_EXAMPLE: Final = ROOT / "examples" / "changqing-like"


def site_whose_shift_ends_soon(folder: Path) -> Path:
    """Its three shifts are moved together; the crews keep their turns."""
    site = Path(shutil.copytree(_EXAMPLE, folder / "site"))
    now = to_datetime(system_clock()).astimezone(load(_EXAMPLE).zone)
    rosters = (site / "rosters.yaml").read_text("utf-8")
    for number, start in enumerate(("08:00", "16:00", "00:00")):
        moved = now + timedelta(minutes=30, hours=8 * number)
        rosters = rosters.replace(
            f'from: "{start}", lasts: 8h', f'from: "{moved:%H:%M}", lasts: 8h'
        )
    (site / "rosters.yaml").write_text(rosters, "utf-8")
    return site
