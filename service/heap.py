"""How Python looks for garbage in a process that holds a plant."""

import gc
from typing import Final

# by default every 700 new objects are looked at, which a flood makes with each 20 alarms: most of them stay,
# and a third of its processor time went into finding that out; so many take well under a millisecond
YOUNG_OBJECTS: Final = 10_000


def settle_heap() -> None:
    """Once everything is loaded: sites and limits stay for good, a full collection need not stop the path
    for them."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
