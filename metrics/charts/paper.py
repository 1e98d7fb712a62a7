"""What the drawings have in common."""

from __future__ import annotations

from typing import Final

#: A drawing's width in its own units; the page scales it to the room that there is.
WIDTH: Final = 640
#: Room for the numbers on the left of the bars, and for the weekdays beside the heat map.
LEFT: Final = 60
TOP: Final = 12
LABELS_HEIGHT: Final = 34
