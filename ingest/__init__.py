"""Bytes in, readings out: one module per kind of source, one gate for all of them."""
