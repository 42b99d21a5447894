"""Andon: visual inspection in production, from a folder of images to judged parts."""

__version__ = "0.1.0"
