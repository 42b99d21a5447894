"""The line simulator: procedurally drawn parts with exact masks, found by index; same seed, same bytes."""
