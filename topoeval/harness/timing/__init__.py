"""The timing lane measures what a step of each method costs."""
