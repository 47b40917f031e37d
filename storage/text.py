"""Text as every store takes it."""


def writable(text: str) -> str:
    """Words from outside may hold half a surrogate pair, which no store takes; they must not stop us."""
    return text.encode("utf-8", "backslashreplace").decode()
