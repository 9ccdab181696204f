"""What a command that there is not may have meant."""

from __future__ import annotations

import re
import sys
from typing import Any

from topoeval.cli.words import ExplainedGroup
from topoeval.errors import UserError, nearest

# 128 and the number of SIGINT
_INTERRUPTED = 130
# What people want, in the words that they type, and the commands that do it.
_TASKS = {
    r"betti|numbers?|counts?|holes?|components?|topology|euler": "Betti numbers of a mask: "
    "topoeval audit MASK; of an image at every threshold: topoeval barcode IMAGE; errors of a "
    "prediction: topoeval evaluate PRED GT",
    r"persisten\w*|diagrams?|homology|bars?": "topoeval barcode IMAGE",
    r"scores?|metrics?|dice|eval|assess": "topoeval evaluate PRED GT scores masks; topoeval list "
    "metrics names the scores",
    r"train\w*|fit|bench\w*|losses|loss": "topoeval run SUITE trains and scores methods; topoeval "
    "list losses names the losses",
    r"fix|correct|clean|postprocess\w*|post-process\w*": "topoeval repair FILES --betti 1,0 "
    "--out DIR",
    r"show|view|plot|draw|visuali[sz]e": "topoeval barcode IMAGE --html; topoeval "
    "data show DATASET",
    r"diff|versus|vs": "topoeval compare PRED_A PRED_B GT",
    r"version": "topoeval --version",
    r"help": "topoeval --help, topoeval COMMAND --help",
}


def hint(word: str, commands: list[str]) -> str:
    """Return what to write instead of a command that there is not.

    >>> hint("barcod", ["audit", "barcode"])
    "; did you mean 'barcode'?"
    >>> hint("diagram", ["audit", "barcode"])
    '; topoeval barcode IMAGE'
    """
    for pattern, told in _TASKS.items():
        if re.fullmatch(rf"(?:{pattern})(?:[-_].*)?", word.lower()):
            return f"; {told}"
    return nearest(word, commands)


class Group(ExplainedGroup):
    """The commands; one that there is not is a line that names the nearest."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; interrupted, it ends as a shell expects."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("topoeval: interrupted", file=sys.stderr)
            raise SystemExit(_INTERRUPTED) from None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the first argument names."""
        word = args[0]
        if not ctx.resilient_parsing and self.get_command(ctx, word) is None:
            shown = [name for name, one in self.commands.items() if not one.hidden]
            raise UserError(f"no command {word!r}{hint(word, shown)} (topoeval --help lists all)")
        return super().resolve_command(ctx, args)
