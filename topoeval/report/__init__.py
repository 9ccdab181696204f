"""From the records of a suite to a table, figures and a page; nothing is run or recomputed here."""

from topoeval.report.page import build, terminal_table

__all__ = ["build", "terminal_table"]
