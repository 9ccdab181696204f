"""A suite small enough to run many times."""

import pytest

SUITE = """
schema = 1
name = "tiny"
title = "Tiny"
seeds = [0]
methods = ["cross_entropy", "betti_prior_semi", "betti_prior_post", "largest_component"]

[network]
channels = [4, 8]

[start]
losses = [{ name = "cross_entropy" }]
training = { epochs = 3, batch_size = 8 }

[training]
epochs = 2
batch_size = 8
unlabelled_batch_size = 4

[judge]
epochs = 1

[override.betti_prior_post.adaptation]
steps = 3

[[dataset]]
name = "strokes"
sizes = { train = 16, unlabelled = 8, test = 10, judge = 40 }
"""


@pytest.fixture
def suite_file(tmp_path):
    """The suite as a file, to be changed by a test."""
    path = tmp_path / "tiny.toml"
    path.write_text(SUITE)
    return path
