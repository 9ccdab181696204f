"""A metric of one's own: by how much the predicted volume is wrong. `suite.toml` names it."""

from topoeval.metrics import METRICS, Empty, Metric


def volume_error(prediction, target, settings):
    """Return the column by its name, for one pair of boolean masks."""
    return {"volume_error": abs(float(prediction.mean()) - float(target.mean()))}


METRICS.register(
    "volume_error",
    Metric(
        name="volume_error",
        title="Volume error",
        scores=volume_error,
        direction="lower",
        empty=Empty(both=0.0, prediction="counted", target="counted"),
        range=(0.0, 1.0),
        digits=3,
    ),
)
