"""``python -m topoeval``."""

from topoeval.cli import main

main()
