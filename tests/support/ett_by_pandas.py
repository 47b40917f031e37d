"""What the alarms of one limit are, computed from the CSV alone with pandas, sample and hold.

Shares no code with the product: it is the other opinion that the replay is compared with. An alarm is
(start, end): the first violating row of a run that lasted for `on`, and the first row of the first run
back inside limit minus deadband that lasted for `off`; end is None while it still stands.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

Alarm = tuple[pd.Timestamp, pd.Timestamp | None]


def alarms(csv: Path, column: str, limit: float, deadband: float, on: str, off: str) -> list[Alarm]:
    rows = pd.read_csv(csv, parse_dates=["date"]).set_index("date")[column]
    runs_high = list(_runs(rows >= limit, pd.Timedelta(on)))
    runs_back = list(_runs((rows < limit) & (rows <= limit - deadband), pd.Timedelta(off)))
    found: list[Alarm] = []
    for start in runs_high:
        if found and (found[-1][1] is None or start < found[-1][1]):
            continue  # belongs to the alarm that stands
        found.append((start, next((back for back in runs_back if back > start), None)))
    return found


def _runs(holds: pd.Series, at_least: pd.Timedelta) -> Iterator[pd.Timestamp]:
    """Starts of the runs of true rows that hold for `at_least`, until the row that ends them."""
    number = (holds != holds.shift()).cumsum()
    for _, run in holds[holds].groupby(number[holds]):
        after = holds.index[holds.index > run.index[-1]]
        until = after[0] if len(after) else run.index[-1]
        if until - run.index[0] >= at_least:
            yield run.index[0]
