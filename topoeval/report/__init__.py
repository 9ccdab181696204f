"""From the records of suites to tables, figures and pages; nothing is run or recomputed here."""

from topoeval.report.leaderboard import build_leaderboard
from topoeval.report.page import build, terminal_table

__all__ = ["build", "build_leaderboard", "terminal_table"]
