"""What is asked: suites, methods and the runs they describe."""
