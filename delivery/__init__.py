"""What leaves the house: device commands now; reads the outbox and says what became of it."""
