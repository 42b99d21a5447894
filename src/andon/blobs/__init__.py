"""Content-addressed bytes: every blob is known by its SHA-256, written once, durable before it is named."""
