"""For all bookings: what was sent is recognised in its echo, and anything else is not."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from integrations.adapters.sikka.log import echoes
from integrations.contract import PreparedWrite

FIELDS = ("patient_id", "provider_id", "practice_id", "operatory", "date", "time", "length",
          "description")  # fmt: skip
#: Letters that have a meaning in forms, among all others.
values = st.text(st.sampled_from("&=+%;# ?/41Aé") | st.characters(codec="utf-8"), max_size=12)
bodies = st.fixed_dictionaries(dict.fromkeys(FIELDS, values))
#: How a form may write a value: spaces as plus or percent, or nothing encoded at all.
encodings = st.sampled_from([quote_plus, quote, lambda value: value])


#: A busy machine makes no test wrong.
unhurried = settings(deadline=None)


def row(body: dict[str, str], encode: Any = quote_plus) -> dict[str, str]:
    fields = {"request_key": "0123***", **body, "apiname": "POST appointments"}
    return {
        "office_id": "D1",
        "method": "POST",
        "api_name": "appointment",
        "api_request_body": "&".join(f"{name}={encode(value)}" for name, value in fields.items()),
    }


def is_ours(body: dict[str, str], echo: dict[str, str]) -> bool:
    sent = {**body, "check_spu": "true"}
    return echoes(echo, "D1", PreparedWrite(method="POST", endpoint="/appointment", body=sent))


@unhurried
@given(bodies, encodings)
def test_whatever_was_sent_is_recognised(body: dict[str, str], encode: Any) -> None:
    assert is_ours(body, row(body, encode))


@pytest.mark.parametrize("field", FIELDS)
@unhurried
@given(body=bodies, other=values)
def test_one_changed_field_makes_it_another_write(
    field: str, body: dict[str, str], other: str
) -> None:
    # "+" as it stands and " " encoded are the same text: that pair nobody can tell apart.
    assume(body[field] not in (other, quote_plus(other)))
    assert not is_ours(body, row({**body, field: other}))


@unhurried
@given(body=bodies, office=st.sampled_from(["D", "D10", "d1", "D2", ""]))
def test_another_offices_write_is_never_ours(body: dict[str, str], office: str) -> None:
    assert not is_ours(body, {**row(body), "office_id": office})
