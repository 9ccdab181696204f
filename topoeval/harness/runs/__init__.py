"""The execution of runs: tasks, workers, supervisors, executors, sweeps, the results folder."""
