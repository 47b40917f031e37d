"""Text as every store takes it."""


def writable(text: str) -> str:
    """Words from outside may hold half a surrogate pair, which no store takes, or NUL, which PostgreSQL
    does not; they must not stop us, and read the same wherever they are kept."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "backslashreplace").decode()
    return text.replace("\0", "\\x00")
