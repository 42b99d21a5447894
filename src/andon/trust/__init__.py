"""Signatures: what a station may run is what the hub's key signed."""
