"""A worker that does little, slowly, with all the files that a training has, and without torch.

Started as `topoeval.harness.runs.worker`, whose `main` it calls: what is done is a few steps from
a parent's numbers and a cached sample, each step with its checkpoint.
"""

import io
import sys
import time

import numpy as np

from topoeval.archives import DamagedFileError, read_archive, set_aside, write_archive
from topoeval.datasets.cache import Cache
from topoeval.datasets.sample import Sample
from topoeval.harness.runs import worker

STEPS, STEP_S = 4, 0.02


def save(path, values):
    content = io.BytesIO()
    np.savez(content, values=np.array(values))
    write_archive(path, content.getvalue())


def load(path):
    with np.load(io.BytesIO(read_archive(path))) as found:
        return found["values"].tolist()


def resumed(path):
    """Return the steps of an interrupted run, as `topoeval.training.checkpoint.resume` does."""
    if not path.exists():
        return []
    try:
        return load(path)
    except DamagedFileError:
        set_aside(path)
        return []


def of_parent(store, run_id):
    """Return a parent's numbers, as `topoeval.harness.runs.build.weights_of` does."""
    path = store.network(run_id)
    try:
        return load(path)
    except FileNotFoundError:
        raise DamagedFileError(path, "it is not there") from None
    except DamagedFileError:
        set_aside(path)
        raise


def sample(store, seed):
    """Return a sample by way of the cache."""
    cache = Cache(store.root / "cache", "chaos", "1", {})
    found = cache.read(str(seed))
    if found is None:
        image = np.random.default_rng(seed).random((1, 8, 8)).astype(np.float32)
        found = Sample(str(seed), image, image > 0.5, ((1, 0),), {"V": ((1, 0),)})
        cache.write(found)
    return found


def perform(spec, store, progress):
    """Return scores that depend on everything that was read."""
    begin = sum(of_parent(store, spec.parents["start"])) if spec.parents else 0.0
    state, drawn = store.state(spec.id), float(sample(store, spec.seed).image.sum())
    done = resumed(state)
    while len(done) < STEPS:
        time.sleep(STEP_S)
        done.append(begin + drawn * (len(done) + 1))
        save(state, done)
    save(store.network(spec.id), done)
    return {"cases": {"case": [str(k) for k in range(STEPS)], "dice": done}}


if __name__ == "__main__":
    worker._with_plugins = lambda threads: perform
    worker.main(sys.argv[1:])
