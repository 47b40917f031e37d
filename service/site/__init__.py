"""The site folder: what is watched, with which limits, over which brokers, and who answers for it."""
