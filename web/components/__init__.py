"""Pieces that several pages share, one of each."""
