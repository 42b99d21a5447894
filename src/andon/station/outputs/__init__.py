"""Outputs: how the plant hears a verdict, a file each; the list of them is in ``station.drivers``."""
