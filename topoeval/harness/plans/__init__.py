"""What would run: the runs of a suite, what is missing for them, how long they take."""
