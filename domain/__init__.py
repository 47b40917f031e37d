"""The nouns and rules of gridwarden. Standard library and numpy only; no input or output."""
