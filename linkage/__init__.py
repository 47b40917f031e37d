"""From an event to the people and devices it concerns. Decisions only, no input or output."""
