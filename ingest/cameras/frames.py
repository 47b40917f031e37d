"""Between a camera's reader and who looks at its pictures: the newest one waits, older ones are passed over.

A picture of ten seconds ago is of no use to who must speak in the first minute; a queue would only grow.
"""

import threading
from collections.abc import Iterable

from domain.cameras import Frame
from domain.ids import CameraId


class NewestFrames:
    """At most one frame of each camera. Thread-safe."""

    def __init__(self) -> None:
        self._waiting: dict[CameraId, Frame] = {}
        self._passed_over: dict[CameraId, int] = {}
        self._came = threading.Condition()

    def put(self, frame: Frame) -> None:
        with self._came:
            # taken out first, so that the camera that waits longest is the first in the dict
            before = self._waiting.get(frame.camera_id)
            if before is not None:
                self._passed_over[frame.camera_id] = self._passed_over.get(frame.camera_id, 0) + 1
            self._waiting[frame.camera_id] = frame
            self._came.notify()

    def take(self, timeout_s: float) -> Frame | None:
        """The newest picture of the camera that has waited longest; None where none came in time."""
        with self._came:
            if not self._waiting and not self._came.wait_for(lambda: self._waiting, timeout_s):
                return None
            return self._waiting.pop(next(iter(self._waiting)))

    def wants(self, camera_id: CameraId) -> bool:
        """Whether this camera's last picture was taken. Else the one that could be had now is passed over."""
        with self._came:
            if camera_id not in self._waiting:
                return True
            self._passed_over[camera_id] = self._passed_over.get(camera_id, 0) + 1
            return False

    def passed_over(self, cameras: Iterable[CameraId]) -> dict[CameraId, int]:
        """How many pictures of each nobody looked at, since the start."""
        with self._came:
            return {camera: self._passed_over.get(camera, 0) for camera in cameras}
