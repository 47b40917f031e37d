"""Judgement: what is wrong with the equipment, and how sure we are. Experts and learned detectors."""
