"""The device, what time is left on it, and what was found so far."""

import json
import os
import signal
import statistics
import time
from datetime import UTC, datetime

import torch
from torch.profiler import ProfilerActivity, profile

from topoeval.harness.runs import environment


class OutOfTimeError(Exception):
    """A measurement took longer than it was given."""


class Bench:
    """Measures in turns on a device until its seconds are over, and keeps what was found."""

    def __init__(self, device, seconds, repeats):
        self.device = torch.device(device)
        self.end = time.monotonic() + seconds
        self.repeats = repeats
        self.records = []
        self.profiles = {}

    def record(self, what, **figures):
        """Keep a record and print it."""
        self.records.append({"what": what, **figures})
        print(json.dumps(self.records[-1]), flush=True)

    def measure(self, work, seconds, what, **names):
        """Keep what `work` returns, a record or several; what goes wrong in it is a record too."""
        seconds = min(seconds, self.end - time.monotonic())
        try:
            if seconds <= 0:
                raise OutOfTimeError
            before = signal.signal(signal.SIGALRM, _out_of_time)
            signal.setitimer(signal.ITIMER_REAL, seconds)
            try:
                found = work()
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, before)
            for figures in found if isinstance(found, list) else [found]:
                self.record(what, **names, **figures)
        except OutOfTimeError:
            self.record(what, **names, problem=f"not done within {max(seconds, 0):.0f} s")
        except Exception as error:  # one failure is a record, and the next is measured
            self.record(what, **names, problem=f"{type(error).__name__}: {error}".splitlines()[0])

    def synchronize(self):
        """Wait for the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def interleaved(self, calls):
        """Return the median and least milliseconds of each call, called in turn."""
        times = {name: [] for name in calls}
        for repeat in range(self.repeats + 1):
            for name, call in calls.items():
                self.synchronize()
                start = time.perf_counter()
                call()
                self.synchronize()
                if repeat:  # the first warms caches and allocators
                    times[name].append(1e3 * (time.perf_counter() - start))
        return {
            name: {"median_ms": statistics.median(taken), "least_ms": min(taken)}
            for name, taken in times.items()
        }

    def keep_profile(self, name, call):
        """Keep the table of a profile of `call`, to be written beside the records."""
        averages, own = profiled(call)
        self.profiles[name] = averages.table(sort_by=own, row_limit=40, max_name_column_width=80)
        return name

    def peak_bytes(self, call):
        """Return the most that `call` had allocated at once on a GPU; None elsewhere."""
        if self.device.type != "cuda":
            return None
        self.synchronize()
        before = torch.cuda.memory_allocated(self.device)
        torch.cuda.reset_peak_memory_stats(self.device)
        call()
        self.synchronize()
        return torch.cuda.max_memory_allocated(self.device) - before

    def write(self, out, quick):
        """Write the records of this run, and on what it ran, to a file of its own."""
        fingerprint = environment.describe(self.device.type, torch.get_num_threads(), "torch")
        written = datetime.now(UTC)
        content = {
            "schema": 1,
            "written": written.isoformat(timespec="seconds"),
            "quick": quick,
            "environment": fingerprint,
            "cuda": torch.version.cuda,
            "hip": torch.version.hip,
            "records": self.records,
        }
        device = (fingerprint["gpu"] or self.device.type).lower().replace(" ", "-")
        out.mkdir(parents=True, exist_ok=True)
        path = out / f"{device}-{written:%Y%m%dT%H%M%S}.json"
        unfinished = path.with_suffix(".partial")
        unfinished.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        os.replace(unfinished, path)
        for name, table in self.profiles.items():
            path.with_name(f"{path.stem}-{name}.txt").write_text(table, encoding="utf-8")
        print(path)


def _out_of_time(*_):
    raise OutOfTimeError


def profiled(call):
    """Return the averages of one call, and by which column they are to be read."""
    activities = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(ProfilerActivity.CUDA)
    call()
    with profile(activities=activities) as found:
        call()
    own = "self_device_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
    return found.key_averages(), own
