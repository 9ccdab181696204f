"""``python -m topoeval.cli``."""

from topoeval.cli import main

main()
