"""`gridwarden doctor`: what would stop gridwarden from working here, each with its cure. See `examine`."""
