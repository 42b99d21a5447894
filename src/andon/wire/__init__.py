"""Messages between hub and stations: frozen values, JSON on the wire; a change keeps old ones readable."""
