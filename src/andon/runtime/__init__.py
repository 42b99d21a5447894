"""From a package and a recipe to verdicts: checked graphs, engines, findings; what stations run."""
