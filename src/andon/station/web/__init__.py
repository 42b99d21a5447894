"""The station's own page: what operators see and touch."""
