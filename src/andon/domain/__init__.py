"""The rules: frozen values and pure functions, standard library only; no I/O, no clock, no pixels."""
