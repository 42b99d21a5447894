"""The inspector: a process of its own that judges parts, and the station's side of it."""
