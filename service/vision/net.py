"""A model on an engine: cv2.dnn, which is always here, or onnxruntime, quicker (extra `fast`)."""

from importlib.util import find_spec
from typing import Any, Final, Literal

import cv2
import numpy as np

from detectors.violations.boxes import Floats
from detectors.violations.recognise import Net
from service.vision.model import Model, UnusableModel

Engine = Literal["auto", "opencv", "onnxruntime"]
_COLUMNS: Final = 7  # four of the box, three scores


def has_onnxruntime() -> bool:
    return find_spec("onnxruntime") is not None


def build_net(model: Model, engine: Engine = "auto", threads: int = 1) -> Net:
    """`auto` takes onnxruntime where it is installed. Raises UnusableModel, also where the net's input or
    output is not ours: it is run once."""
    if engine == "onnxruntime" and not has_onnxruntime():
        raise UnusableModel(
            "onnxruntime is not installed: pip install 'gridwarden[fast]', or choose opencv"
        )
    cv2.setNumThreads(threads)  # of scaling and encoding too, with either engine
    fast = engine == "onnxruntime" or (engine == "auto" and has_onnxruntime())
    net: Net = OnnxRuntimeNet(model, threads) if fast else OpenCvNet(model, threads)
    _try_out(net, model)
    return net


class OpenCvNet:
    def __init__(self, model: Model, threads: int = 1) -> None:
        self.side = model.card.side
        try:
            self._net = cv2.dnn.readNetFromONNX(
                np.frombuffer(model.data, np.uint8), engine=cv2.dnn.ENGINE_NEW
            )
        except cv2.error as error:
            raise UnusableModel(f"cv2.dnn cannot read {model.card.name}: {_why(error)}") from error

    def boxes_scores(self, pictures: Floats) -> Floats:
        self._net.setInput(pictures, "image")
        return np.asarray(self._net.forward("boxes_scores"), np.float32).reshape(-1, _COLUMNS)


class OnnxRuntimeNet:
    def __init__(self, model: Model, threads: int = 1) -> None:
        import onnxruntime

        self.side = model.card.side
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session: Any = onnxruntime.InferenceSession(
                model.data, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its exceptions have no common base
            raise UnusableModel(
                f"onnxruntime cannot read {model.card.name}: {_why(error)}"
            ) from error

    def boxes_scores(self, pictures: Floats) -> Floats:
        (found,) = self._session.run(["boxes_scores"], {"image": pictures})
        return np.asarray(found, np.float32).reshape(-1, _COLUMNS)


def _try_out(net: Net, model: Model) -> None:
    blank = np.full((1, 3, net.side, net.side), 114, np.float32)
    try:
        found = net.boxes_scores(blank)
    except Exception as error:  # each engine has its own
        raise UnusableModel(
            f"{model.card.name} does not take `image` [1, 3, {net.side}, {net.side}] and give `boxes_scores`"
            f" [1, n, {_COLUMNS}]: {_why(error)}"
        ) from error
    if not np.isfinite(found).all() or found[:, 4:].min() < 0 or found[:, 4:].max() > 1:
        raise UnusableModel(
            f"{model.card.name} gives scores outside 0 to 1: it is another kind of net"
        )


def _why(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
