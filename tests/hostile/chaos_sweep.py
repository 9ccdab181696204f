"""One sweep of the chaos suite: ``python chaos_sweep.py FOLDER EXECUTOR``; the last line is JSON.

An error of the machine ends it as it ends the command line: in one line, with exit status 2.
"""

import json
import os
import sys
from pathlib import Path

from topoeval.cli.machine import told
from topoeval.errors import UserError
from topoeval.harness.runs.executors import Local
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.sweep import sweep
from topoeval.harness.suites.suite import Limits
from topoeval.records.spec import RunSpec

RUNS = 60
MODULE = "chaos_worker"
LIMITS = Limits(timeout_s=60)


def spec(seed, start=None):
    """Return a run; one in ten is a start, the others build on one."""
    return RunSpec.model_validate(
        {
            "task": "restore",
            "dataset": {"name": "strokes"},
            "topology": "T-superlevel-plain",
            "network": {},
            "method": {
                "name": "chaos", "title": "Chaos", "regime": "supervised",
                "losses": [{"name": "cross_entropy"}],
            },
            "training": {"epochs": 1},
            "backend": "native",
            "device": "cpu",
            "seed": seed,
            "parents": {} if start is None else {"start": start},
        }
    )  # fmt: skip


def runs():
    """Return the sixty runs, parents first."""
    starts = [spec(seed) for seed in range(RUNS // 10)]
    rest = range(len(starts), RUNS)
    return [*starts, *(spec(seed, starts[seed % len(starts)].id) for seed in rest)]


def executor(name):
    """Return an executor that starts the chaos worker."""
    command = (sys.executable, "-P", "-m", MODULE)
    if name == "local":
        return Local(slots=2, worker=command, grace_s=0.5)
    import distributed

    from topoeval.harness.runs.executors import dask
    from topoeval.harness.runs.executors.executor import Settings

    cluster = dask.start_cluster(Settings(jobs=2), runs())
    client = distributed.Client(cluster, set_as_default=False)
    client.wait_for_workers(len(cluster.workers), timeout=60)
    return dask.Dask(client, worker=command, grace_s=0.5, cluster=cluster)


def main(folder, name):
    found = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, found))
    chosen = executor(name)
    try:
        tally = sweep(runs(), Store(Path(folder), "chaos"), chosen, LIMITS, retry="machine")
    except UserError as error:
        print(error)
        sys.exit(2)
    except OSError as error:
        print(told(error))
        sys.exit(2)
    finally:
        chosen.close()
    print(json.dumps({"ran": tally.ran, "kept": tally.kept, "failed": tally.failed}))


if __name__ == "__main__":
    main(*sys.argv[1:])
