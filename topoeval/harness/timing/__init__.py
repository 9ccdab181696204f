"""What a step of each method costs, measured alone."""
