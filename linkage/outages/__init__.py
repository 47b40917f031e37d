"""From a trip, a last gasp or an earth to what a dispatcher does about it. Decisions only, no I/O."""
