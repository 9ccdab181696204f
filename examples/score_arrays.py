"""Scores of two masks: nearly the same voxels, another topology."""

import numpy as np

from topoeval.metrics import score

truth = np.zeros((32, 32), bool)
truth[8:24, 8:24] = True
truth[12:20, 12:20] = False
prediction = truth.copy()
prediction[8:12, 15] = False  # the ring is cut

for name, value in score(prediction, truth, columns=["dice", "cldice", "betti_error"]).items():
    print(f"{name}: {value:.3f}")
