"""The console. Nothing here yet: it arrives with the first pages."""
