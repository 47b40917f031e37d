"""The words of every Reason: why this person, why this proposal, why a request was refused. Pure."""

from typing import Final

from domain.responsibility import Reason
from domain.wording import DEFAULT_LANGUAGE

_Words = dict[str, str]  # by language; {name} stands for a fact

# why this person (linkage.responsibility)
_RESPONSIBILITY: Final[dict[str, _Words]] = {
    "site_default": {"zh-CN": "{words}", "en": "{words}"},
}

# why this proposal, and what an entry is for (linkage.credit)
_CREDIT: Final[dict[str, _Words]] = {}

# why a request was refused (linkage.desk and what it asks)
_REFUSALS: Final[dict[str, _Words]] = {}

_WORDS: Final = _RESPONSIBILITY | _CREDIT | _REFUSALS


def reason_text(reason: Reason, language: str = DEFAULT_LANGUAGE) -> str:
    """One sentence. A reason of another release is shown by its code and facts."""
    words = _WORDS.get(reason.code)
    if words is None:
        return " ".join([reason.code, *(fact for _, fact in reason.facts)])
    return words[language].format(**dict(reason.facts))
