"""A backup of a site that runs, and the way back from it.

What makes it one state without stopping anything is the order: checkpoints, then the heads of the ledger,
then records and telemetry, each as of one moment, and the journal last. So the journal reaches at least as
far as everything that was made of it, the checkpoints begin at or before the records, and core's own recovery
does the rest when it starts on what was restored.
"""
