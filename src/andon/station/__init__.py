"""The station: inspects parts at line speed, answers every one, and loses no record."""
