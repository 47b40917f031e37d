"""`python -m benchmarks [NAME ...]`: every row of DESIGN 11 that is built, or those of the named modules.

Run it on an otherwise idle machine: the figures are those of two cores that share everything.
"""

import importlib
import sys
from typing import Final

MODULES: Final = (
    *("limit_engine", "mqtt_path", "kafka_path", "command_latency", "limit_to_out", "recovery"),
    *("console_load", "idle", "telemetry_store", "records_commit", "telemetry_influx"),
    *(
        "backtest",
        "alarm_list",
        "judgement_tick",
        "correlation",
        "notices",
        "who",
        "vision",
        "cameras",
        "camera_cost",
    ),
)


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in MODULES]
    if unknown:
        sys.exit(f"no benchmark is named {unknown[0]}; there are {', '.join(MODULES)}")
    for name in names or MODULES:
        for row in importlib.import_module(f"benchmarks.{name}").rows():
            print(row, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
