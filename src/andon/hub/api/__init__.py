"""The JSON interface: one file a noun, each with its router under ``/api/<noun>``."""
