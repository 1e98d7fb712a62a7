"""`manage.py connect` and `manage.py verify` as an operator at a terminal meets them."""

from __future__ import annotations

import getpass
import io
import json
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from clinics.models import Clinic, Organization
from integrations import registry
from integrations.http.errors import NotAuthorized
from integrations.models import Breaker, BudgetWindow, Call, Integration, IntegrationStatus, Profile
from integrations.queries import Account
from integrations.sandbox import RunningSandbox, running
from tests import make
from tests.conftest import Clock
from tests.sync import toy

pytestmark = pytest.mark.django_db
SECRET = "an-invented-secret-9a41"


@pytest.fixture(autouse=True)
def _contact(settings: Any) -> None:
    """Cliniko wants to know whose program it is."""
    settings.PMS_USER_AGENT = "Frontdesk/0.1 (ops@example.org)"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running(seed=7) as sandbox:
        yield sandbox


@pytest.fixture
def pms(monkeypatch: pytest.MonkeyPatch) -> toy.Pms:
    """The toy, which lets in whom its `lets_in` says."""
    monkeypatch.setitem(registry.ADAPTERS, "toy", "tests.sync.toy")
    fresh = toy.Pms()
    monkeypatch.setattr(toy, "current", fresh)
    return fresh


def connect(*arguments: str) -> str:
    out = io.StringIO()
    call_command("connect", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def refusal(*arguments: str, command: str = "connect", code: int = 1) -> str:
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command(command, *arguments, stdout=out, stderr=out)
    assert caught.value.returncode == code
    assert SECRET not in f"{out.getvalue()}{caught.value}"
    return str(caught.value)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Answer the questions of a command; the value is what was asked, each with how it asked."""

    def answering(*answers: str | BaseException) -> list[str]:
        asked, left = [], list(answers)

        def answer(echo: str) -> Callable[[str], str]:
            def said(prompt: str = "") -> str:
                asked.append(f"{echo}{prompt}")
                given = left.pop(0)
                if isinstance(given, BaseException):
                    raise given
                return given

            return said

        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", answer(""))
        monkeypatch.setattr(getpass, "getpass", answer("no echo: "))
        return asked

    return answering


def kept(path: Path, value: Any) -> str:
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return str(path)


def nothing_is_kept() -> bool:
    return not (Integration.objects.exists() or Clinic.objects.exists() or Call.objects.exists())


# --- By options ---


@pytest.mark.parametrize(
    ("name", "field", "account", "lets_in"),
    [
        ("cliniko", "api_key", "", "Harbour Street Physiotherapy"),
        ("nookal", "api_key", "", "Riverbend Physiotherapy"),
        ("rest", "token", "rest-1", "Lakeside"),
    ],
)
def test_a_clinic_is_connected_to_each_pms_by_options_alone(
    sandbox: RunningSandbox, tmp_path: Path, name: str, field: str, account: str, lets_in: str
) -> None:
    offer = sandbox.systems[name]
    office = offer["offices"][0]
    secret = kept(tmp_path / "secret.json", {field: office[field]})
    said = connect(
        *(name, "--clinic", "Shore Road", "--organization", "Lakeside", "--sandbox"),
        *("--timezone", office["timezone"], "--base-url", offer["url"]),
        *("--credential-file", secret, "--account", account),
    )
    linked = Integration.objects.select_related("clinic__organization").get()
    assert (linked.pms, linked.base_url, linked.is_sandbox) == (name, offer["url"], True)
    assert (linked.clinic.name, linked.clinic.timezone) == ("Shore Road", office["timezone"])
    assert linked.organization.name == "Lakeside"
    assert linked.credential == {field: office[field]}
    assert linked.status == IntegrationStatus.SETUP_REQUIRED
    assert linked.account
    assert f"lets us in as {lets_in} (account {linked.account})." in said
    assert f"manage.py sync {linked.clinic_id}" in said
    assert f"manage.py profile {linked.clinic_id} --read" in said
    assert office[field] not in said
    assert Profile.objects.filter(integration=linked).exists()
    assert [(each.correlation, each.status, each.priority) for each in Call.objects.all()] == [
        ("connect", 200, "high")
    ]
    spent = BudgetWindow.objects.filter(key=f"integration:{linked.pk}")
    assert {window.used_high for window in spent} == {1}


def test_an_office_of_sikka_is_found_by_its_secret_and_read_at_once(
    sandbox: RunningSandbox, tmp_path: Path, transactional_db: None
) -> None:
    offer = sandbox.systems["sikka"]
    office = offer["offices"][1]
    credential = {
        "app_id": offer["app_id"],
        "app_key": offer["app_key"],
        "secret_key": office["secret_key"],
    }
    said = connect(
        *("sikka", "--clinic", "Harbour", "--organization", "Lakeside", "--sandbox"),
        *("--timezone", office["timezone"], "--base-url", offer["url"]),
        *("--credential-file", kept(tmp_path / "secret.json", credential)),
    )
    assert f"lets us in as {office['practice_name']} (account {office['office_id']})." in said
    linked = Integration.objects.get()
    out = io.StringIO()
    call_command("sync", "Harbour", stdout=out)
    assert "All patients: 650 of 650 records" in out.getvalue()
    linked.refresh_from_db()
    assert linked.status == IntegrationStatus.ACTIVE
    assert linked.clinic.patients.count() == 650
    told = verify("harbour")
    assert f"lets in  {office['practice_name']} ({office['office_id']})" in told
    assert "calls    1 made now; " in told
    assert "status   active" in told
    for secret in credential.values():
        assert secret not in f"{said}{out.getvalue()}{told}"


def test_the_credential_comes_from_the_environment_or_from_stdin(
    pms: toy.Pms, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = sandbox.systems["cliniko"]
    first, second = (office["api_key"] for office in offer["offices"])
    where = ("cliniko", "--sandbox", "--base-url", offer["url"], "--timezone", "Europe/London")
    monkeypatch.setenv("CREDENTIAL_API_KEY", first)
    connect(*where, "--clinic", "One", "--organization", "Lakeside")
    monkeypatch.delenv("CREDENTIAL_API_KEY")
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps({"api_key": second})))
    connect(*where, "--clinic", "Two", "--organization", "lakeside", "--credential-file", "-")
    keys = {each.clinic.name: each.credential["api_key"] for each in Integration.objects.all()}
    assert keys == {"One": first, "Two": second}
    assert Organization.objects.count() == 1


def test_nothing_is_saved_unless_the_pms_lets_us_in(
    sandbox: RunningSandbox, tmp_path: Path, settings: Any
) -> None:
    arguments = (
        *("cliniko", "--clinic", "Shore Road", "--organization", "Lakeside", "--sandbox"),
        *("--timezone", "Europe/London", "--base-url", sandbox.systems["cliniko"]["url"]),
        *("--credential-file", kept(tmp_path / "s", {"api_key": f"{SECRET}-au2"})),
    )
    told = refusal(*arguments)
    assert told.startswith("Cliniko")
    assert "does not let us in: " in told
    assert told.endswith("Nothing was saved.")
    settings.PMS_USER_AGENT = "Frontdesk/0.1"
    assert refusal(*arguments).endswith("who do not say whose they are.")
    assert nothing_is_kept()
    assert not Organization.objects.exists()
    assert not Breaker.objects.exists()


def toy_arguments(*more: str) -> tuple[str, ...]:
    return ("toy", "--sandbox", "--base-url", "http://127.0.0.1:9", *more)


def test_the_account_is_the_pmss_own_unless_it_tells_none(pms: toy.Pms) -> None:
    clinic = make.clinic()
    pms.lets_in = Account(id="", name="")
    told = refusal(*toy_arguments("--clinic", clinic.name))
    assert told == "The PMS tells no id of the account: name it by one of your own."
    assert not Integration.objects.exists()
    assert "lets us in as a practice without a name (account ours)." in connect(
        *toy_arguments("--clinic", clinic.name, "--account", "ours")
    )
    assert Integration.objects.get().account == "ours"


def test_a_credential_of_another_account_is_refused(pms: toy.Pms) -> None:
    clinic = make.clinic()
    told = refusal(*toy_arguments("--clinic", clinic.name, "--account", "toy-2"))
    assert "The credential lets us into account toy-1, not into toy-2." in told
    assert not Integration.objects.exists()


def test_a_clinic_has_one_integration_and_the_pms_is_not_asked_for_a_second(pms: toy.Pms) -> None:
    linked = make.integration(make.clinic())
    told = refusal(*toy_arguments("--clinic", linked.clinic.name))
    assert f"{linked.clinic} is connected already, to Sikka ONE API v4 {linked.account}." in told
    assert pms.verified == 0
    assert Integration.objects.get() == linked


def test_an_account_has_one_clinic(pms: toy.Pms) -> None:
    first, second = make.clinic(), make.clinic()
    connect(*toy_arguments("--clinic", first.name))
    told = refusal(*toy_arguments("--clinic", second.name))
    assert told == f"Account toy-1 is connected already, to {first}."
    assert Integration.objects.get().clinic == first


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f'{{"api_key": "{SECRET}"', "The credential must be a JSON object of strings"),
        (f'["{SECRET}"]', "The credential must be a JSON object of strings"),
        ('{"api_key": 7}', "The credential must be a JSON object of strings"),
        (f'{{"apikey": "{SECRET}"}}', "takes no apikey; it takes api_key."),
        ("{}", "No credential is given."),
    ],
)
def test_a_credential_file_that_cannot_be_read_is_refused_without_quoting_it(
    tmp_path: Path, content: str, words: str
) -> None:
    clinic = make.clinic()
    told = refusal(
        "nookal", "--clinic", clinic.name, "--credential-file", kept(tmp_path / "s", content)
    )
    assert words in told
    assert not Integration.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--timezone", "Mars/Olympus", "--organization", "O"), "'Mars/Olympus' is not a time"),
        (("--organization", "O"), "There is no clinic 'New' yet: a new one needs --timezone."),
        (("--timezone", "Europe/London"), "A new clinic needs --organization."),
        (
            ("--timezone", "Europe/London", "--organization", "O", "--base-url", "ftp//x"),
            "The base URL is no address",
        ),
        (
            (
                *("--timezone", "Europe/London", "--organization", "O"),
                *("--base-url", f"https://me:{SECRET}@pms.example/v1"),
            ),
            "The base URL must be without a login",
        ),
        (
            (
                *("--timezone", "Europe/London", "--organization", "O"),
                *("--options", "/no/such/file"),
            ),
            "/no/such/file cannot be read: No such file or directory.",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_said_and_nothing_is_saved(
    pms: toy.Pms, arguments: tuple[str, ...], words: str
) -> None:
    assert words in refusal("toy", "--no-input", "--clinic", "New", *arguments)
    assert nothing_is_kept()
    assert pms.verified == 0


def test_a_real_pms_is_never_asked_without_tls(tmp_path: Path) -> None:
    told = refusal(
        *("cliniko", "--clinic", make.clinic().name, "--base-url", "http://127.0.0.1:9/v1"),
        *("--credential-file", kept(tmp_path / "s", {"api_key": f"{SECRET}-au2"})),
    )
    assert "Only a sandbox may be asked without TLS" in told


# --- By questions ---


def test_a_person_is_asked_for_all_of_it_and_secrets_are_not_echoed(
    sandbox: RunningSandbox, terminal: Callable[..., list[str]]
) -> None:
    offer = sandbox.systems["cliniko"]
    office = offer["offices"][0]
    make.integration(make.clinic())  # connected already: not offered
    free = make.clinic()
    asked = terminal("9", "2", "Shore Road", "3", "Lakeside", "Mars", office["api_key"], "")
    with pytest.raises(CommandError, match="'Mars' is not a time zone"):
        connect("cliniko", "--sandbox", "--base-url", offer["url"])
    asked = terminal("1", office["api_key"], "")
    said = connect("cliniko", "--sandbox", "--base-url", offer["url"])
    assert asked == [
        "Clinic (number): ",
        "no echo: API key (My info → Manage API keys) (not shown): ",
        f"Connect it to {free}? [Y/n] ",
    ]
    assert f"  1  {free} ({free.organization})\n  2  a new one" in said
    assert Integration.objects.get(pms="cliniko").clinic == free
    assert office["api_key"] not in said


def test_who_says_no_to_the_account_or_stops_saves_nothing(
    pms: toy.Pms, terminal: Callable[..., list[str]]
) -> None:
    clinic = make.clinic()
    terminal("n")
    assert refusal(*toy_arguments("--clinic", clinic.name)) == "Nothing was saved."
    terminal(KeyboardInterrupt())
    told = refusal(*toy_arguments("--clinic", clinic.name), code=130)
    assert told == "Stopped; nothing was saved."
    assert not Integration.objects.exists()


# --- verify ---


def verify(which: str) -> str:
    out = io.StringIO()
    call_command("verify", which, stdout=out, stderr=out)
    return out.getvalue()


def test_verify_tells_whom_the_key_lets_in_and_how_the_link_stands(
    pms: toy.Pms, clock: Clock
) -> None:
    clinic = make.clinic()
    linked = make.integration(
        clinic, pms="toy", account="toy-1", status=IntegrationStatus.SETUP_REQUIRED,
        imported_at=None,
    )  # fmt: skip
    for which in (clinic.name, str(clinic.pk)[:13], str(linked.pk)):
        assert verify(which).splitlines() == [
            f"Toy of {clinic}, account toy-1",
            "  lets in  Toy practice (toy-1)",
            "  calls    0 made now; 200 left for people, 150 of them for background work",
            "  PMS      answers",
            "  key      good until 2030-03-06 10:00 on the clinic's clock",
            "  status   never synced: manage.py sync",
            "  profile  complete",
        ]
    assert pms.verified == 3
    clock.advance(timedelta(hours=25).total_seconds())
    assert "key      ended, good until 2030-03-06 10:00" in verify(clinic.name)


def test_verify_makes_one_call(sandbox: RunningSandbox) -> None:
    offer = sandbox.systems["nookal"]
    linked = make.integration(
        make.clinic(), pms="nookal", base_url=offer["url"], key_expires_at=None, access_key="",
        credential={"api_key": offer["offices"][0]["api_key"]},
    )  # fmt: skip
    told = refusal(linked.clinic.name, command="verify")
    assert told.startswith("The credential is another account's: ")
    Integration.objects.update(account=told.split()[-1].rstrip("."))
    before = Call.objects.count()
    said = verify(linked.clinic.name)
    assert Call.objects.count() == before + 1
    assert "lets in  Riverbend Physiotherapy (" in said
    assert "calls    1 made now; " in said
    assert "key      does not end" in said
    assert offer["offices"][0]["api_key"] not in said


def test_verify_ends_with_1_where_the_pms_does_not_let_us_in(pms: toy.Pms) -> None:
    linked = make.integration(make.clinic(), pms="toy", account="toy-1")
    pms.lets_in = NotAuthorized("Toy answered 401.")
    assert refusal(linked.clinic.name, command="verify") == (
        "Toy does not let us in: Toy answered 401."
    )


def test_verify_says_which_clinics_there_are(pms: toy.Pms) -> None:
    clinic = make.clinic()
    assert refusal("Nowhere", command="verify") == (
        f"There is no clinic 'Nowhere'. There are: {clinic}."
    )
    assert refusal(clinic.name, command="verify") == (
        f"{clinic} is not connected to a PMS yet: manage.py connect."
    )
