"""Payload formats: bytes of one message to readings, with a reason for whatever cannot be used."""
