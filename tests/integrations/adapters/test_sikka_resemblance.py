"""Which rows of Sikka's list leave open whether they are the write whose answer was lost."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from integrations.adapters.sikka.log import resembles
from integrations.contract import PreparedWrite

PATIENT = PreparedWrite(
    method="POST",
    endpoint="/patient",
    body={"practice_id": "1", "provider_id": "DMD1", "firstname": "Ana-Maria", "lastname": "Roe"},
)
ACCENTED = PreparedWrite(
    method="POST", endpoint="/patient", body={"firstname": "Lucía", "lastname": "Pérez"}
)
NOTE = PreparedWrite(
    method="POST",
    endpoint="/medical_notes",
    body={"patient_id": "1001", "text": "Allergic to latex & penicillin."},
)
PAYMENT = PreparedWrite(
    method="POST", endpoint="/transaction", body={"patient_id": "1001", "amount": "12.50"}
)


def row(write: PreparedWrite, **fields: str) -> dict[str, str]:
    return {
        "office_id": "D1",
        "method": write.method,
        "api_name": write.endpoint.strip("/"),
        "api_request_body": urlencode(fields),
    }


@pytest.mark.parametrize(
    ("write", "fields"),
    [
        (PATIENT, {"firstname": "Ben", "lastname": "Roe"}),
        (PATIENT, {"firstname": "Ana-Maria", "lastname": "Doe"}),
        (NOTE, {"patient_id": "1001", "text": "Prefers mornings."}),
        (PAYMENT, {"patient_id": "1001", "amount": "13.00"}),
    ],
)
def test_a_write_that_names_somebody_or_something_else_is_not_it(
    write: PreparedWrite, fields: dict[str, str]
) -> None:
    assert not resembles(row(write, **fields), write)


@pytest.mark.parametrize(
    ("write", "fields"),
    [
        (PATIENT, {"firstname": "ANA MARIA", "lastname": "ROE"}),
        (PATIENT, {"lastname": "Roe"}),
        (PATIENT, {"name": "Roe, Ana-Maria"}),
        (ACCENTED, {"firstname": "Lucia", "lastname": "Pérez"}),
        (ACCENTED, {"firstname": "LucÃ­a", "lastname": "P?rez"}),
        (NOTE, {"patient_id": "1001", "text": "Allergic to latex"}),
        (NOTE, {"patient_id": "1001"}),
        (PAYMENT, {"patient_id": "1001", "amount": "12.5"}),
    ],
)
def test_a_write_that_words_the_same_otherwise_could_be_it(
    write: PreparedWrite, fields: dict[str, str]
) -> None:
    assert resembles(row(write, **fields), write)


def test_an_echo_that_an_unencoded_sign_breaks_off_could_be_it() -> None:
    echo = row(NOTE) | {"api_request_body": "patient_id=1001&text=Allergic to latex & penicillin."}
    assert resembles(echo, NOTE)
