"""Charts as SVG text, and pictures with what was found drawn on them; colours come in as a palette."""
