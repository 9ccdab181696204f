"""Pictures of barcodes: bars, diagrams, where in the image they are, and how two of them match.

Every function draws one image into one `matplotlib.axes.Axes` and returns it; nothing is shown or
saved. Colours are dimensions: blue components, orange loops, green cavities.
"""

from topoeval.plot.bars import plot_barcode, plot_diagram
from topoeval.plot.image import plot_image
from topoeval.plot.matching import plot_matching

__all__ = ["plot_barcode", "plot_diagram", "plot_image", "plot_matching"]
