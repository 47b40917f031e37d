"""What each expert makes of one asset: pure functions of a view, and of what was remembered of that asset."""
