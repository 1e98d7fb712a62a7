"""When a PMS takes calls again, from whatever its headers say."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from integrations.http import rate_headers
from tests.integrations.guards import NOW

LATER = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("60", 60),
        (" 7 ", 7),
        ("999999", 999_999),
        ("1000000", None),
        ("-1", None),
        ("+1", None),
        ("1.5", None),
        ("1e3", None),
        ("²", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_a_number_is_digits_and_not_too_many(text: str | None, number: int | None) -> None:
    assert rate_headers.whole_number(text) == number


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("17", 17),
        ("0", 1),
        ("86400", 86_400),
        ("604800", 86_400),
        ("Tue, 05 Mar 2030 15:00:30 GMT", 30),
        ("Tue, 05 Mar 2030 16:00:30 +0100", 30),
        ("Tue, 05 Mar 2030 15:00:30 -0000", 30),
        ("Tuesday, 05-Mar-30 15:00:30 GMT", 30),
        ("Tue Mar  5 15:00:30 2030", 30),
        ("Tue, 05 Mar 2030 14:59:58 GMT", 1),
        ("Tue, 05 Mar 2030 14:59:54 GMT", None),
        ("Thu, 07 Mar 2030 15:00:00 GMT", 86_400),
        ("Tue, 32 Mar 2030 15:00:30 GMT", None),
        ("Tue, 05 Mar 2030 15:00:30999999999999", None),
        ("17 seconds", None),
        ("17, 17", None),
        ("-17", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_reason(text: str | None, wait: int | None) -> None:
    headers = {} if text is None else {"Retry-After": text}
    assert rate_headers.retry_after(headers, NOW) == moment(wait)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        (f"{LATER + 42}", 42),
        (f"{LATER}", 1),
        (f"{LATER - 5}", 1),
        (f"{LATER - 6}", None),
        (f"{LATER + 90_000}", 86_400),
        ("9999999999", 86_400),
        (f"{LATER + 42}000", None),  # milliseconds
        (f"{LATER + 42}.5", None),
        ("42", None),  # relative
        ("Tue, 05 Mar 2030 15:00:30 GMT", None),
        ("", None),
        (None, None),
    ],
)
def test_a_unix_time_is_believed_unless_it_is_of_another_clock(
    text: str | None, wait: int | None
) -> None:
    assert rate_headers.unix_time(text, NOW) == moment(wait)


def moment(wait: int | None) -> datetime | None:
    return None if wait is None else NOW + timedelta(seconds=wait)
