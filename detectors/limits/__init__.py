"""The alarm engine (ISA-18.2 / IEC 62682)."""
