"""Where the time of a training step goes: network, persistence, loss, backward.

The code that does the work names its spans, which cost nothing until a `Stopwatch` runs. Spans
nest: the time of an inner span counts for it alone, so the parts add up to the whole.

>>> with Stopwatch() as watch:
...     with span("loss"):
...         with span("persistence"):
...             pass
>>> sorted(watch.seconds)
['loss', 'persistence']

With `lap`, each span of that name ends a step, and `laps` has the seconds of each step.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from types import TracebackType

_running: ContextVar[Stopwatch | None] = ContextVar("topoeval_stopwatch", default=None)


class Stopwatch:
    """Sums wall-clock seconds, and counts spans, by span name while it is entered.

    Parameters
    ----------
    synchronize
        Called at each span boundary; pass `torch.cuda.synchronize` on a GPU, where work returns
        before it is done and would otherwise be booked on the next span.
    lap
        Name of the last span of a step; each time it ends, the seconds by span name since the last
        time are added to `laps`.
    """

    def __init__(
        self, synchronize: Callable[[], None] | None = None, *, lap: str | None = None
    ) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.counts: defaultdict[str, int] = defaultdict(int)
        self.laps: list[dict[str, float]] = []
        self._lap = lap
        self._before: dict[str, float] = {}
        self._synchronize = synchronize
        self._stack: list[str] = []
        self._since = 0.0

    def __enter__(self) -> Stopwatch:
        self._token = _running.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _running.reset(self._token)

    def _book(self) -> None:
        """Charge the time since the last boundary to the innermost open span."""
        if self._synchronize is not None:
            self._synchronize()
        now = time.perf_counter()
        if self._stack:
            self.seconds[self._stack[-1]] += now - self._since
        self._since = now

    @contextmanager
    def _span(self, name: str) -> Iterator[None]:
        self._book()
        self._stack.append(name)
        self.counts[name] += 1
        try:
            yield
        finally:
            self._book()
            self._stack.pop()
            if name == self._lap:
                self._finish_lap()

    def _finish_lap(self) -> None:
        parts = {name: s - self._before.get(name, 0.0) for name, s in self.seconds.items()}
        self.laps.append({name: seconds for name, seconds in parts.items() if seconds > 0})
        self._before = dict(self.seconds)


_NOTHING = nullcontext()


def span(name: str) -> AbstractContextManager[None]:
    """Book the time inside the ``with`` block on `name` if a `Stopwatch` is running."""
    watch = _running.get()
    return _NOTHING if watch is None else watch._span(name)
