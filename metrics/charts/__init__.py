"""Where the shapes of the live page's charts stand, in units of their drawing. Pure functions.

The templates write them out as SVG by attributes alone, which a strict Content-Security-Policy
lets pass; the colours are the style sheet's.
"""

from metrics.charts.bars import Bars, bars
from metrics.charts.heat import Heat, heat

__all__ = ["Bars", "Heat", "bars", "heat"]
