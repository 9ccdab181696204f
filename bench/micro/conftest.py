"""What the benchmarks under pytest-benchmark share: fingerprint, clock and images.

OMP_NUM_THREADS=1 pytest bench/micro --benchmark-autosave
"""

import runpy
from pathlib import Path

import pytest

from topoeval.harness.runs.environment import describe
from topoeval.persistence.backends.native import default_threads


def pytest_benchmark_update_machine_info(config, machine_info):
    """Replace the plugin's fingerprint, which names the host, by the one of our records."""
    machine_info.clear()
    machine_info.update(describe("cpu", default_threads(), "topoeval"))


def pytest_configure(config):
    """Measure CPU time unless the command line names a clock: neighbours do not count in it."""
    if not any("--benchmark-timer" in word for word in config.invocation_params.args):
        config.option.benchmark_timer = "time.process_time"


@pytest.fixture(scope="session")
def images():
    """Return `images(kind, shape, seed=0)` of bench/asv, the kinds that everything is timed on."""
    return runpy.run_path(str(Path(__file__).parents[1] / "asv" / "images.py"))["images"]
