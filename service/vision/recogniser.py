"""Settings to a recogniser: model file, engine, tiles."""

from detectors.violations.recognise import RecogniseConfig, Recogniser
from detectors.violations.subjects import Sureness
from service.settings import VisionSettings
from service.vision.model import DEFAULT_MODEL, Model, read_model
from service.vision.net import build_net


def sureness(model: Model) -> Sureness:
    """From which scores a class counts: of the model's card."""
    found = model.card.thresholds
    return Sureness(person=found.person, helmet=found.helmet, head=found.head)


def build_recogniser(
    settings: VisionSettings, config: RecogniseConfig | None = None
) -> tuple[Recogniser, Model]:
    """Raises UnusableModel."""
    model = read_model(settings.model or DEFAULT_MODEL)
    net = build_net(model, settings.engine, settings.threads)
    return Recogniser(net, config or RecogniseConfig()), model
