"""Django as the oracle: random rows and random QuerySets, run by both on the same tables."""
