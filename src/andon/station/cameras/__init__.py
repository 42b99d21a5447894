"""Cameras: where frames come from, a file each; the list of them is in ``station.drivers``."""
