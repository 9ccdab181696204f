"""The same search of parameters for every method."""
