"""A password is kept so that it can be checked and not read."""

import re

import pytest

from service.passwords import (
    LONGEST,
    WeakPassword,
    hashed,
    matches,
    random_password,
    refuse_weak,
)

PASSWORD = "甲值 reads every line"
STORED = hashed(PASSWORD)


def test_the_right_password_matches() -> None:
    assert matches(PASSWORD, STORED)


@pytest.mark.parametrize("wrong", ["", PASSWORD + " ", PASSWORD.upper(), "x" * (LONGEST + 1)])
def test_another_password_does_not_match(wrong: str) -> None:
    assert not matches(wrong, STORED)


def test_the_same_password_is_never_stored_twice_alike() -> None:
    assert hashed(PASSWORD) != STORED


def test_what_is_stored_names_its_costs_and_holds_no_password() -> None:
    assert re.fullmatch(r"scrypt\$32768\$8\$1\$[A-Za-z0-9+/=]{24}\$[A-Za-z0-9+/=]{44}", STORED)


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param("", id="nothing"),
        pytest.param(PASSWORD, id="the-password-itself"),
        pytest.param("scrypt$32768$8$1$$", id="no-hash"),
        pytest.param("scrypt$32768$8$1$AAAA$AAAA", id="a-short-hash"),
        pytest.param(STORED.replace("$32768$", "$1048576$"), id="costs-beyond-our-memory"),
        pytest.param(STORED.replace("$8$1$", "$8$9999$"), id="costs-beyond-our-time"),
        pytest.param(STORED.replace("$32768$", "$-1$"), id="costs-that-cannot-be"),
        pytest.param(STORED.replace("$32768$", f"${'9' * 40}$"), id="costs-without-end"),
        pytest.param(STORED.replace("$32768$", "$n$"), id="costs-in-words"),
        pytest.param(STORED[:-4] + "????", id="no-base64"),
        pytest.param(STORED.replace("scrypt", "plain"), id="another-manner"),
    ],
)
def test_a_stored_line_that_is_not_ours_matches_nothing(stored: str) -> None:
    assert not matches(PASSWORD, stored)


def test_random_passwords_are_easy_to_type_and_differ() -> None:
    made = {random_password() for _ in range(200)}
    assert len(made) == 200
    assert all(re.fullmatch(r"([a-hjkmnp-z2-9]{4}-){3}[a-hjkmnp-z2-9]{4}", each) for each in made)


@pytest.mark.parametrize("weak", ["", "short", "aaaaaaaaaaaaaaa", "abcabcabcabc", "x" * 201])
def test_a_weak_password_is_refused_with_the_cure(weak: str) -> None:
    with pytest.raises(WeakPassword, match="choose a password"):
        refuse_weak(weak)


def test_a_generated_password_is_not_weak() -> None:
    refuse_weak(random_password())
