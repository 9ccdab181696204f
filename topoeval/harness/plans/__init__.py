"""Plans: the runs of a suite, obstacles to them, and estimates of their time."""
