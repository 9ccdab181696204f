"""The caller: it does the calls of a `topoeval.harness.runs.calls.Calls` that have no result yet.

As a program: ``python -m topoeval.harness.runs.caller FOLDER``.
"""

from __future__ import annotations

import os
import pickle
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from topoeval import plugins
from topoeval.evaluate.parallel import guarded
from topoeval.harness.runs.orders import AT, CWD, ORDER, Order, Raised, result_file
from topoeval.harness.runs.worker import exit_with_parent
from topoeval.limits import limit_memory
from topoeval.whole_file import write_bytes, write_text


def main(arguments: Sequence[str]) -> None:
    """Do the calls of a folder in their order; what has a result is not done again."""
    exit_with_parent()
    folder = Path(arguments[0])
    # where paths that the command line names begin
    os.chdir((folder / CWD).read_text(encoding="utf-8"))
    # what they register may be part of the order
    plugins.load_in_worker()
    order: Order = pickle.loads((folder / ORDER).read_bytes())
    if order.memory is not None:
        limit_memory(order.memory)
    for place, (item, name) in enumerate(zip(order.items, order.names, strict=True)):
        if result_file(folder, place).exists():
            continue
        # of a process that dies here this item is the cause
        write_text(folder / AT, str(place))
        try:
            result = guarded(order.function, item, name)
        except Exception:
            result = Raised(traceback.format_exc())
        write_bytes(result_file(folder, place), pickle.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
