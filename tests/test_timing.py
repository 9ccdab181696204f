"""Spans add up: each moment is charged to the innermost open one."""

import time

import pytest

from topoeval.timing import Stopwatch, span


def test_an_inner_span_is_not_charged_to_the_outer_one():
    """Seconds of nested spans are disjoint; counts are of entries."""
    with Stopwatch() as watch:
        for _ in range(2):
            with span("outer"):
                time.sleep(0.02)
                with span("inner"):
                    time.sleep(0.05)
                time.sleep(0.02)
    assert watch.counts == {"outer": 2, "inner": 2}
    assert watch.seconds["inner"] >= 0.1
    assert 0.08 <= watch.seconds["outer"] < watch.seconds["inner"] + 0.08


def test_without_a_stopwatch_nothing_is_kept():
    """Spans outside are free, and an exception closes its span."""
    with span("unheard"):
        pass
    with Stopwatch() as watch, pytest.raises(KeyError), span("failing"):
        raise KeyError
    with span("after"):
        pass
    assert set(watch.counts) == {"failing"}
    assert not watch._stack


def test_the_device_is_waited_for_at_each_boundary():
    """Work of a GPU must not be booked on the next span."""
    waits = []
    with Stopwatch(lambda: waits.append(1)) as watch, span("one"):
        pass
    assert len(waits) == 2
    assert watch.counts["one"] == 1
