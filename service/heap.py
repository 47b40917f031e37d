"""How Python looks for garbage in a process that holds a plant."""

import gc
from typing import Final

# by default it looks after every 700 new ones; of a flood most of them stay, and a third of the time in
# which it was decided went into finding that out
YOUNG_OBJECTS: Final = 10_000


def settle_heap() -> None:
    """Once everything is loaded: sites and limits stay for good, a full collection need not stop the path
    for them."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
