"""From a package and a recipe to verdicts: checked graphs, engines, findings; the same code that stations run."""
