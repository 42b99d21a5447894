"""Use cases: each function is one transaction that fetches before and persists after pure code decides."""
