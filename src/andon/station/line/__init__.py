"""The line itself: one answer for every frame, in time or undecided."""
