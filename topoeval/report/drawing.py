"""A drawing: how every figure looks, and SVG that is the same on every rebuild."""

from __future__ import annotations

import html
import io
import math
import re
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import seaborn as sns
from markupsafe import Markup
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from topoeval.foreign_text import visible_lines

# Okabe & Ito's palette without its yellow, which a white page swallows; it stays apart under the
# common colour blindnesses and on dark ground. More methods than colours change the mark as well.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1")
_MARKS = ("o", "s", "D", "^", "v", "P", "X")
_START = ("#8A8A8A", "o")
# One ink for everything that is not data, so that a page can replace it by its own text colour.
INK = "#1f2328"
# What ink and ground become where the reader prefers dark; the same two as in site.css.
_GROUND, _DARK_INK, _DARK_GROUND = "#ffffff", "#e6e9ed", "#14171c"
# Verdana has the widths of DejaVu Sans; machines that lack one tend to have the other.
_FONTS = "'DejaVu Sans', Verdana, sans-serif"
_INKED = (
    "text.color",
    "axes.labelcolor",
    "axes.edgecolor",
    "axes.titlecolor",
    "xtick.color",
    "ytick.color",
)
RIGHT, WRONG = "#009E73", "#D55E00"
# Greys for what any training pays, one hue for what topology adds; no colour of a method.
PARTS_COLOURS = {
    "network": "#66727f",
    "persistence": "#a11d5b",
    "loss": "#dd8fb4",
    "backward": "#a3adb8",
    "other": "#cfd6dd",
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """A finished figure.

    Parameters
    ----------
    name
        File name without ending; letters, digits and hyphens only.
    title
        What one sees.
    caption
        How to read it.
    svg
        The picture, as the text of an SVG file.
    """

    name: str
    title: str
    caption: str
    svg: str

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in CSS pixels, 4/3 of a point."""
        found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', self.svg)
        assert found is not None, "matplotlib states the size of every figure"
        width, height = (round(float(points) * 4 / 3) for points in found.groups())
        return width, height


@dataclass(frozen=True, slots=True)
class Look:
    """Colour and mark of one method, the same in every figure."""

    colour: str
    mark: str


def looks(arms: Sequence[str], starts: frozenset[str] = frozenset()) -> dict[str, Look]:
    """Give each method its look, by its place in the order of all methods."""
    others = [arm for arm in arms if arm not in starts]
    chosen = {arm: Look(*_START) for arm in arms if arm in starts}
    for i, arm in enumerate(others):
        # Shifting the mark on each round keeps colour and mark together unique.
        mark = _MARKS[(i + i // len(_COLOURS)) % len(_MARKS)]
        chosen[arm] = Look(_COLOURS[i % len(_COLOURS)], mark)
    return chosen


@contextmanager
def plotting(salt: str) -> Iterator[None]:
    """Draw in the report's style; ``salt`` seeds the identifiers inside the SVG."""
    settings: Any = {
        **sns.axes_style("ticks"),
        **sns.plotting_context("notebook", font_scale=0.9),
        "svg.hashsalt": salt,
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        # A method may be called "$n$"; nothing from a record is mathematics.
        "text.parse_math": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 11,
        "axes.labelsize": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.8,
        "figure.facecolor": "white",
        "axes.facecolor": "none",
        **dict.fromkeys(_INKED, INK),
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        # text stays text in the SVG, and who shows it has other fonts
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        yield


def entitle(
    figure: Figure,
    title: str,
    footer: str,
    handles: Sequence[Artist] = (),
    ncols: int = 1,
    xlabel: str = "",
) -> None:
    """Set what one sees above a figure with its legend, and the conventions below it.

    The figure grows by what they need, so that the panels keep the size they were given. `xlabel`
    is that of all panels together.
    """
    width, height = figure.get_size_inches()
    # Mean widths of a letter in the two sizes, in points.
    title = textwrap.fill(title, int(width * 72 / 6.9))
    footer = "\n".join(textwrap.fill(line, int(width * 72 / 4.9)) for line in footer.splitlines())
    above = 0.12 + 0.21 * (title.count("\n") + 1)
    legend = 0.21 * math.ceil(len(handles) / ncols) + 0.12 if handles else 0.0
    conventions = 0.1 + 0.155 * (footer.count("\n") + 1)
    below = conventions + (0.22 if xlabel else 0)
    total = height + above + legend + below
    figure.set_size_inches(width, total)
    left = 0.08 / width
    figure.text(left, 1 - 0.06 / total, title, va="top", fontsize=12, fontweight="bold")
    figure.text(left, 0.06 / total, footer, va="bottom", fontsize=8.5)
    if xlabel:
        figure.text(0.5, conventions / total, xlabel, va="bottom", ha="center", fontsize=9)
    if handles:
        figure.legend(
            handles=list(handles),
            loc="upper left",
            bbox_to_anchor=(0.0, 1 - above / total),
            ncols=ncols,
            frameon=False,
            borderaxespad=0,
            labelspacing=0.35,
            fontsize=9,
        ).set_in_layout(False)
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.set(rect=(0, below / total, 1, height / total))  # type: ignore[call-arg]


def grid(axes: Axes, which: str = "both") -> None:
    """Draw a faint grid that suits light and dark ground."""
    axes.grid(visible=True, axis=which, color=INK, alpha=0.14, linewidth=0.7)  # type: ignore[arg-type]
    axes.set_axisbelow(True)


def to_svg(figure: Figure) -> str:
    """Return a figure as SVG text without dates or other traces of the moment.

    The file is a light picture to every program; a browser whose reader prefers dark, or an image
    element with `color-scheme: dark`, shows it dark.
    """
    figure.set_dpi(72)
    engine = figure.get_layout_engine()
    assert engine is not None
    # Not `draw_without_rendering`, which lays out and then draws everything for nothing.
    engine.execute(figure)
    figure.set_layout_engine("none")
    for axes in figure.axes:
        # The solver behind the layout differs in the last digits from call to call.
        x, y, width, height = axes.get_position(original=True).bounds
        axes.set_position((round(x, 5), round(y, 5), round(width, 5), round(height, 5)))
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    # `savefig` would draw everything once more beforehand, to lay out what is laid out already.
    FigureCanvasSVG(figure).print_svg(buffer, metadata=nothing)  # type: ignore[no-untyped-call]
    svg = buffer.getvalue()
    # Matplotlib names everything, equal pictures equally; only what is referred to needs a name.
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', svg))
    svg = re.sub(
        r' id="([^"]*)"', lambda found: found.group() if found.group(1) in used else "", svg
    )
    svg = svg.replace("'DejaVu Sans'", _FONTS).replace("</style>", f"{_dark_rules()}</style>", 1)
    # Trailing blanks would only trouble those who commit the figures.
    return visible_lines(re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE))


def _dark_rules() -> str:
    """Return the rules that exchange ink and ground; `!important` beats matplotlib's attributes."""
    exchanged = ((INK, _DARK_INK), (_GROUND, _DARK_GROUND))
    rules = "".join(
        f'[style*="{what}: {light}"]{{{what}:{dark} !important}}'
        for light, dark in exchanged
        for what in ("fill", "stroke")
    )
    return f"@media (prefers-color-scheme: dark){{{rules}}}"


def inline(svg: str, name: str, label: str) -> str:
    """Turn an SVG file into markup for a page: its ink, no ground, identifiers of its own.

    Parameters
    ----------
    svg
        What `to_svg` returns.
    name
        Prefix of the identifiers, unique on the page.
    label
        Text for those who cannot see the figure; must already be escaped.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s+xmlns(:\w+)?=\"[^\"]*\"", "", svg)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # The page's own variables do this, for its ground and its ink.
    svg = svg.replace(_dark_rules(), "")
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'href="#', f'href="#{name}-', svg)
    svg = svg.replace("url(#", f"url(#{name}-")
    # The figure's own white ground is its first patch.
    svg = svg.replace("fill: #ffffff", "fill: none", 1)
    svg = svg.replace("#ffffff", "var(--ground)").replace(INK, "currentColor")
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def figure_markup(drawing: Drawing) -> dict[str, Any]:
    """Return a figure and its markup for a page that must be one file."""
    label = html.escape(drawing.title, quote=True)
    # The text in it comes escaped from matplotlib.
    return {"drawing": drawing, "svg": Markup(inline(drawing.svg, drawing.name, label))}
