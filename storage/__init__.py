"""The journal and its projections: telemetry, records, checkpoints."""
