"""A net's file and its card. Both are read and checked before a picture is looked at.

The card (JSON beside the file, same name) says what the file must hash to, so that nobody's net is exchanged
unseen, and what was measured with it. Any ONNX file of the same input and output can stand in: give it a
card of its own.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

DEFAULT_MODEL: Final = Path(__file__).parent / "models" / "helmet_416.onnx"
LARGEST_BYTES: Final = 64 * 2**20
_CLASSES: Final = ("person", "helmet", "head")


class UnusableModel(ValueError):
    """A model file or card that must not be used; the message says what to do."""


class Thresholds(BaseModel):
    """Scores from which a class counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person: float = Field(gt=0, lt=1)
    helmet: float = Field(gt=0, lt=1)
    head: float = Field(gt=0, lt=1)


class Card(BaseModel):
    """What is known of one model file."""

    model_config = ConfigDict(frozen=True)  # more may stand on it: it is for people too

    name: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    side: int = Field(ge=32, le=2048)
    classes: tuple[str, ...]
    thresholds: Thresholds
    licence: str
    data: str = ""
    start: str = ""
    figures: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Model:
    card: Card
    data: bytes


def card_path(model: Path) -> Path:
    return model.with_suffix(".json")


def read_model(path: Path = DEFAULT_MODEL) -> Model:
    """Raises UnusableModel."""
    card = _read_card(card_path(path))
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise UnusableModel(f"{path} is larger than {LARGEST_BYTES // 2**20} MiB")
        data = path.read_bytes()
    except OSError as error:
        raise UnusableModel(f"cannot read the model {path}: {error.strerror}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != card.sha256:
        raise UnusableModel(
            f"{path} is not the file that its card describes (sha-256 {found[:12]}..., not"
            f" {card.sha256[:12]}...): copy both again, or write a card for this file"
        )
    return Model(card, data)


def _read_card(path: Path) -> Card:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableModel(f"cannot read the model's card {path}: {error}") from error
    try:
        card = Card.model_validate(json.loads(text))
    except (json.JSONDecodeError, ValidationError) as error:
        raise UnusableModel(f"{path} is no model card: {_first_line(error)}") from error
    if card.classes != _CLASSES:
        raise UnusableModel(f"{path}: the classes must be {', '.join(_CLASSES)}, in this order")
    return card


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        mistake = error.errors(include_url=False)[0]
        return f"{'.'.join(str(part) for part in mistake['loc'])}: {mistake['msg']}"
    return str(error)
