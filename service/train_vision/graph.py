"""An ONNX net that torch can train: its convolutions are the parameters, written back into it at the end.

The file that comes out is the graph that went in, with other numbers: decoding stays inside, and nothing can
differ between what was trained and what runs. Any net of these operators will do whose last convolutions
give, for each level, the class rows and four times eight bins (NanoDet and its relatives).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional

from service.train_vision.dataset import CLASSES
from service.train_vision.targets import Cells

BINS: Final = 8  # a side's distance is 0 to 7 strides
ROWS: Final = len(CLASSES) + 4 * BINS
_STRIDES: Final = (8, 16, 32)


class UnusableNet(ValueError):
    """An ONNX file that this trainer cannot start from."""


class TrainableGraph:
    """Runs the part of the graph that ends in the last convolutions."""

    def __init__(self, path: Path) -> None:
        try:
            self._model = onnx.load(str(path))
        except Exception as error:  # protobuf has no common error of its own
            raise UnusableNet(f"{path} is not an ONNX net: {error}") from error
        constants = {
            each.name: numpy_helper.to_array(each) for each in self._model.graph.initializer
        }
        for node in self._model.graph.node:
            if node.op_type == "Constant":
                constants[node.output[0]] = numpy_helper.to_array(_attributes(node)["value"])
            if node.op_type == "Identity" and node.input[0] in constants:
                constants[node.output[0]] = constants[node.input[0]]
        self.parameters = {
            name: torch.tensor(constants[name], requires_grad=True)
            for node in self._model.graph.node
            if node.op_type == "Conv"
            for name in node.input[1:]
        }
        self._constants = {
            name: torch.from_numpy(np.array(value)) for name, value in constants.items()
        }
        self._heads = self._last_convolutions(path)

    def to(self, device: str) -> None:
        for values in (self.parameters, self._constants):
            for name, value in values.items():
                values[name] = value.detach().to(device)
        for value in self.parameters.values():
            value.requires_grad_(True)

    def _last_convolutions(self, path: Path) -> tuple[str, ...]:
        found = tuple(
            node.output[0]
            for node in self._model.graph.node
            if node.op_type == "Conv" and self.parameters[node.input[1]].shape[0] == ROWS
        )
        if len(found) != len(_STRIDES):
            raise UnusableNet(
                f"{path} has {len(found)} convolutions of {ROWS} rows; {len(_STRIDES)} are needed"
            )
        return found

    def rows(
        self, pictures: torch.Tensor, weights: Mapping[str, Any] | None = None
    ) -> torch.Tensor:
        """(batch, cells, ROWS) before decoding, of BGR pictures (batch, 3, side, side), 0 to 255."""
        values: dict[str, Any] = dict(self._constants) | dict(weights or self.parameters)
        values[self._model.graph.input[0].name] = pictures
        for node in self._model.graph.node:
            if all(head in values for head in self._heads):
                break
            if node.output[0] in values:
                continue
            if node.op_type not in _OPERATORS:
                raise UnusableNet(f"the operator {node.op_type} is not one that this trainer knows")
            inputs = [values[name] if name else None for name in node.input]
            found = _OPERATORS[node.op_type](inputs, _attributes(node))
            values.update(
                zip(node.output, found if isinstance(found, tuple) else (found,), strict=True)
            )
        levels = [values[head].flatten(2).transpose(1, 2) for head in self._heads]
        return torch.cat(levels, dim=1)

    def save(self, path: Path, weights: Mapping[str, Any]) -> None:
        """The same graph with these numbers."""
        changed = onnx.ModelProto()
        changed.CopyFrom(self._model)
        for each in changed.graph.initializer:
            if each.name in weights:
                array = weights[each.name].detach().cpu().numpy()
                each.CopyFrom(numpy_helper.from_array(array, each.name))
        onnx.checker.check_model(changed)
        onnx.save(changed, str(path))


def cells_of(side: int) -> Cells:
    """Centres and strides, in the order of the rows."""
    centres, strides = [], []
    for stride in _STRIDES:
        count = side // stride
        y, x = np.mgrid[:count, :count]
        at = np.stack([x.ravel(), y.ravel()], axis=1)
        centres.append((at + 0.5) * stride)
        strides.append(np.full(count * count, stride))
    return Cells(
        np.concatenate(centres).astype(np.float32), np.concatenate(strides).astype(np.float32)
    )


def distances(bins: torch.Tensor) -> torch.Tensor:
    """(..., 4) strides from the centre to left, top, right, bottom, out of (..., 4 * BINS)."""
    steps = torch.arange(BINS, dtype=bins.dtype, device=bins.device)
    return (bins.unflatten(-1, (4, BINS)).softmax(-1) * steps).sum(-1)


def decoded(rows: torch.Tensor, centres: torch.Tensor, strides: torch.Tensor) -> torch.Tensor:
    """(..., cells, 4) boxes in input pixels."""
    reach = distances(rows[..., len(CLASSES) :]) * strides[:, None]
    return torch.cat([centres - reach[..., :2], centres + reach[..., 2:]], dim=-1)


def _attributes(node: Any) -> dict[str, Any]:
    return {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}


def _convolution(inputs: list[Any], about: dict[str, Any]) -> Any:
    weight, bias = inputs[1], inputs[2] if len(inputs) > 2 else None
    return functional.conv2d(
        inputs[0],
        weight,
        bias,
        stride=about["strides"],
        padding=about["pads"][:2],
        groups=about["group"],
    )


def _pool(inputs: list[Any], about: dict[str, Any]) -> Any:
    return functional.max_pool2d(
        inputs[0], about["kernel_shape"], about["strides"], about["pads"][:2]
    )


def _reshape(inputs: list[Any], _: dict[str, Any]) -> Any:
    # exported for one picture: the first dimension is the batch
    return inputs[0].reshape(inputs[0].shape[0], *inputs[1].tolist()[1:])


def _resize(inputs: list[Any], _: dict[str, Any]) -> Any:
    scale = [float(each) for each in inputs[2][2:]]
    return functional.interpolate(
        inputs[0], scale_factor=scale, mode="bilinear", align_corners=False
    )


def _split(inputs: list[Any], about: dict[str, Any]) -> Any:
    return tuple(torch.split(inputs[0], inputs[1].tolist(), dim=about["axis"]))


_OPERATORS: Final[Mapping[str, Callable[[list[Any], dict[str, Any]], Any]]] = {
    "Add": lambda inputs, _: inputs[0] + inputs[1],
    "Concat": lambda inputs, about: torch.cat(inputs, dim=about["axis"]),
    "Conv": _convolution,
    "Div": lambda inputs, _: inputs[0] / inputs[1],
    "Identity": lambda inputs, _: inputs[0],
    "LeakyRelu": lambda inputs, about: functional.leaky_relu(inputs[0], about["alpha"]),
    "MaxPool": _pool,
    "Relu": lambda inputs, _: functional.relu(inputs[0]),
    "Reshape": _reshape,
    "Resize": _resize,
    "Split": _split,
    "Sub": lambda inputs, _: inputs[0] - inputs[1],
    "Transpose": lambda inputs, about: inputs[0].permute(about["perm"]),
}
