"""What is found in readings. Pure: state and record in, state and events out; no input or output."""
