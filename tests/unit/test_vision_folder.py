"""The benchmark of the recogniser finds its pictures in either folder that one would name."""

from pathlib import Path

import pytest

from benchmarks.vision import file_of


@pytest.mark.parametrize("named", [".", "images"])
def test_pictures_are_found_from_the_folder_of_the_names_and_from_their_own(
    tmp_path: Path, named: str
) -> None:
    (tmp_path / "images").mkdir()
    picture = tmp_path / "images" / "1.jpg"
    picture.touch()
    assert file_of(tmp_path / named, "images/1.jpg").resolve() == picture
