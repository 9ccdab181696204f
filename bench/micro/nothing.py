"""The worker of `bench/micro/harness.py` whose runs do nothing: they have torch, and a record."""

import sys
from pathlib import Path

import torch

from topoeval.harness.runs import environment  # noqa: F401  # what a record is written with
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.worker import execute
from topoeval.records.spec import RunSpec


def perform(spec, store, progress):
    """Do nothing; the version says that torch was there."""
    return {"cases": {"case": []}, "numerics": {"torch": torch.__version__}}


def main():
    """Write the record of the run that the command line names."""
    spec_file, root, suite, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    spec = RunSpec.model_validate_json(Path(spec_file).read_text(encoding="utf-8"))
    execute(spec, Store(Path(root), suite), threads=int(threads), perform=perform)


if __name__ == "__main__":
    main()
