"""Text that every store takes: a half surrogate pair and NUL become readable, the rest stays as it is."""

from enum import StrEnum

import pytest

from storage.rows import stored
from storage.text import writable


class Word(StrEnum):
    ONE = "一"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", ""),
        ("plain", "plain"),
        ("35kV变电站 Ⅰ母", "35kV变电站 Ⅰ母"),
        ("half \ud800 of it", "half \\ud800 of it"),
        ("nul\0", "nul\\x00"),
        ("变\udfff\0", "变\\udfff\\x00"),
    ],
)
def test_only_what_no_store_takes_is_written_otherwise(text: str, written: str) -> None:
    assert writable(text) == written
    assert stored(text) == written


def test_a_word_of_a_list_is_stored_as_plain_text() -> None:
    assert type(stored(Word.ONE)) is str
    assert type(writable(Word.ONE)) is str
