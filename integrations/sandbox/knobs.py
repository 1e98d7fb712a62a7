"""What can be turned while the sandbox runs, with the rules for each value.

Shares are fractions from 0 (never) to 1 (always). A knob that decides about a write (delay,
failures, lost_answers) counts at the moment the write is accepted.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any
from zoneinfo import ZoneInfo


class WrongKnob(ValueError):
    """The name or the value of a knob is not one the sandbox knows."""


def share(value: object) -> float:
    number = _number(value)
    if not 0 <= number <= 1:
        raise ValueError("must be a share from 0 to 1")
    return number


def seconds(value: object) -> float:
    number = _number(value)
    if number < 0:
        raise ValueError("must be a number of seconds, 0 or more")
    return number


def whole(value: object) -> int:
    number = _number(value)
    if number < 1 or number != int(number):
        raise ValueError("must be a whole number, 1 or more")
    return int(number)


def switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def span(value: object) -> tuple[float, float]:
    low, high = (seconds(part) for part in _two(value, "-", "must be two numbers like 10-25"))
    if low > high:
        raise ValueError("must start with the smaller number, like 10-25")
    return low, high


def share_and_seconds(value: object) -> tuple[float, float]:
    first, second = _two(value, ":", "must be a share and seconds like 0.1:5")
    return share(first), seconds(second)


def offices(value: object) -> bool | tuple[str, ...]:
    if isinstance(value, bool):
        return value
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise ValueError("must be true, false or a list of office ids")


def zone(value: object) -> str:
    try:
        return ZoneInfo(str(value)).key
    except (ValueError, KeyError, OSError):  # malformed, unknown, or the name of a folder
        raise ValueError("must be the IANA name of a time zone, like UTC") from None


def paging(value: object) -> str:
    if value not in ("page", "offset", "cursor", "link"):
        raise ValueError("must be page, offset, cursor or link")
    return str(value)


def closing_words(value: object) -> tuple[str, str]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError('must be two words, ["completed", "failed"]')
    done, failed = value
    if not (isinstance(done, str) and isinstance(failed, str) and done and failed):
        raise ValueError('must be two words, ["completed", "failed"]')
    return done, failed


def knob(default: Any, parse: Callable[[object], Any]) -> Any:
    return field(default=default, metadata={"parse": parse})


@dataclass(frozen=True)
class Knobs:
    """The sandbox's present habits. Immutable: turning a knob makes a new set.

    delay             seconds from accepting a write to executing it, shortest and longest.
                      Reports from the field lie between 24 and 162 s; the default is brisker.
    failures          share of writes that the practice's system refuses, with a reason
    lost_answers      share of writes that are accepted while the connection drops unanswered
    errors            share of calls answered by 500 with nothing done
    throttled         share of calls answered by 429 with nothing done
    slow              share of calls whose answer comes late, and by how many seconds
    rate_limit        calls a minute and application; 250 in Sikka's newest recorded samples
    cliniko_rate_limit  calls a minute and account of Cliniko; 200 in the vendor's documentation
    key_lifetime      seconds a key lives; 24 hours in Sikka's public API documentation
    agent_offline     true or false for every office, or a list of the offices that are offline
    upload_in_progress  reads carry the header that tells clients to wait with reading
    reject_overlaps   whether the practice's system refuses double booking; many allow it
    refresh_lag       seconds from executing a write to its showing in reads
    closing_words     what the list of writes says of finished ones: done, failed. Unverified.
    dolphin           true or false for every office, or a list of the offices whose practice-
                      management system is Dolphin Management. Only that one and OrthoTrac can
                      change patients and tell their free slots, says Sikka's public API
                      documentation. What else Dolphin wants of a write is not simulated.
    note_length       characters a medical note may have; from Sikka's public API documentation:
                      60 for alerts in OrthoTrac, 200 in SuzyDental
    encode_echo       whether the list of writes percent-encodes the bodies it echoes; the sample
                      in Sikka's public API documentation does not
    loaded_zone       time zone (IANA name) of Sikka's loaded_startdate, loaded_enddate and
                      loadeddate. Unverified: the documentation gives no zone.
    wide_events       seconds that Sikka's practice_events takes for a range of more than a day,
                      which the documentation advises against; its samples took 6 to 14
    rest_rate_limit   calls a minute and account of the rest service
    rest_paging       how the rest service cuts its lists: page, offset, cursor or link
    rest_updated_since  whether the rest service heeds updated_since; else it passes it over
    rest_tells_deletions  whether the rest service still shows what was deleted, with deleted_at
    rest_zoned        whether times in the rest service's answers have an offset; else they are
                      the account's wall clock
    nookal_rate_limit  calls a minute and account; Nookal publishes none, so it is invented
    nookal_objects    whether Nookal's lists come as objects whose names count the items
    nookal_modified_zone  time zone (IANA name) in which Nookal reads last_modified and tells when a
                      record was made and changed. Unverified: nobody documents it.
    nookal_modified_covers_cancellations  whether a cancellation is a change that last_modified
                      finds. Unverified: nobody documents it.
    """

    delay: tuple[float, float] = knob((10.0, 25.0), span)
    failures: float = knob(0.0, share)
    lost_answers: float = knob(0.0, share)
    errors: float = knob(0.0, share)
    throttled: float = knob(0.0, share)
    slow: tuple[float, float] = knob((0.0, 5.0), share_and_seconds)
    rate_limit: int = knob(250, whole)
    cliniko_rate_limit: int = knob(200, whole)
    key_lifetime: int = knob(86_400, whole)
    agent_offline: bool | tuple[str, ...] = knob(False, offices)
    upload_in_progress: bool = knob(False, switch)
    reject_overlaps: bool = knob(False, switch)
    refresh_lag: float = knob(0.0, seconds)
    closing_words: tuple[str, str] = knob(("completed", "failed"), closing_words)
    dolphin: bool | tuple[str, ...] = knob(False, offices)
    note_length: int = knob(200, whole)
    encode_echo: bool = knob(False, switch)
    loaded_zone: str = knob("UTC", zone)
    wide_events: float = knob(6.0, seconds)
    rest_rate_limit: int = knob(120, whole)
    rest_paging: str = knob("page", paging)
    rest_updated_since: bool = knob(True, switch)
    rest_tells_deletions: bool = knob(False, switch)
    rest_zoned: bool = knob(False, switch)
    nookal_rate_limit: int = knob(120, whole)
    nookal_objects: bool = knob(False, switch)
    nookal_modified_zone: str = knob("UTC", zone)
    nookal_modified_covers_cancellations: bool = knob(False, switch)

    def offline(self, office_id: str) -> bool:
        return _names(self.agent_offline, office_id)

    def runs_dolphin(self, office_id: str) -> bool:
        return _names(self.dolphin, office_id)

    def turned(self, changes: Mapping[str, object]) -> "Knobs":
        """Return a set with these changes, or raise WrongKnob and say which one is wrong."""
        parsers = {item.name: item.metadata["parse"] for item in fields(self)}
        values = {}
        for name, value in changes.items():
            if name not in parsers:
                raise WrongKnob(f"no knob is called {name!r}; there are: {', '.join(parsers)}")
            try:
                values[name] = parsers[name](value)
            except ValueError as error:
                raise WrongKnob(f"{name} {error}, not {value!r}") from None
        return replace(self, **values)

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def _names(chosen: bool | tuple[str, ...], office_id: str) -> bool:
    return chosen if isinstance(chosen, bool) else office_id in chosen


def _number(value: object) -> float:
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            return float(value)
        except ValueError:
            pass
    raise ValueError("must be a number")


def _two(value: object, separator: str, complaint: str) -> tuple[object, object]:
    parts = value.split(separator) if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or len(parts) != 2:
        raise ValueError(complaint)
    return parts[0], parts[1]
