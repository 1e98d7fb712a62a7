"""When records reached Sikka's cloud, as callers ask for it and are told.

Such times carry no zone, and the documentation gives none: the knob `loaded_zone` says which.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from integrations.sandbox.pms import Stage

from .call import Call, parsed

RULE = "must be yyyy-mm-dd or yyyy-MM-ddTHH:mm:ss"


def window(call: Call) -> tuple[datetime | None, datetime | None]:
    """Return from when and until before when the call asks for changed records; None is open.

    Both ends are included (unverified), so that the end is a second or a day after the one asked.
    """
    zone = _zone(call.stage)

    def read(text: str) -> datetime:
        at = datetime.fromisoformat(text)
        return at if at.tzinfo else at.replace(tzinfo=zone)

    start, end = call.parameter("loaded_startdate"), call.parameter("loaded_enddate")
    first = parsed("loaded_startdate", start, read, RULE)
    last = parsed("loaded_enddate", end, read, RULE)
    if last is not None:
        whole_day = len(end) == len("yyyy-mm-dd")
        last += timedelta(days=1) if whole_day else timedelta(seconds=1)
    return first, last


def told(stage: Stage, at: datetime) -> str:
    """Write a moment as Sikka writes times of loading."""
    return at.astimezone(_zone(stage)).strftime("%Y-%m-%dT%H:%M:%S")


def _zone(stage: Stage) -> ZoneInfo:
    return ZoneInfo(stage.knobs.loaded_zone)
