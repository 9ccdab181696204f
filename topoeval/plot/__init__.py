"""Pictures of barcodes: bars, diagrams, where in the image they are, and how two of them match.

Every `plot_` function draws one image into one `matplotlib.axes.Axes` and returns it; nothing is
shown or saved. `barcode_page` returns a page on which a slider moves the threshold. Colours are
dimensions: blue components, orange loops (holes in 2D), green cavities.
"""

from topoeval.plot.bars import plot_barcode, plot_diagram
from topoeval.plot.image import plot_image
from topoeval.plot.matching import plot_matching
from topoeval.plot.page import barcode_page

__all__ = ["barcode_page", "plot_barcode", "plot_diagram", "plot_image", "plot_matching"]
