"""The admin's page of a profile: what is offered and missing, and what a person chooses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.contrib.admin.models import LogEntry
from django.test import Client

from clinics.models import Operatory, Practitioner, Role, User
from integrations.contract import Term, Vocabulary
from integrations.models import Call, Integration, Profile
from integrations.profile_form import ProfileForm
from integrations.profiles import as_json
from tests import make
from tests.conftest import START, Clock
from tests.integrations.adapters.conftest import envelope, message

pytestmark = pytest.mark.django_db
EMPTY = dict.fromkeys(
    (
        "cancel_word", "no_show_word", "confirmed_word", "arrived_word", "note_type",
        "payment_type", "currency", "longest_note", "default_practitioner", "default_operatory",
        "appointment_types", "hours", "practitioner_hours", "closures",
    ),
    "",
)  # fmt: skip


@pytest.fixture
def manager(integration: Integration) -> User:
    return make.member(integration.organization, Role.CLINIC_ADMIN, is_staff=True)


@pytest.fixture
def desk(integration: Integration) -> User:
    return make.member(integration.organization, Role.STAFF, is_staff=True)


@pytest.fixture
def profile(clock: Clock, integration: Integration) -> Profile:
    """Its lists were read, and nothing is chosen."""
    offered = Vocabulary(
        statuses=(Term("cancelled", "Cancelled"), Term("void", "void")),
        appointment_types=(Term("12", "Cleaning"),),
        unread={"note_types": "Sikka answered 401 API2004."},
    )
    return Profile.objects.create(
        organization=integration.organization,
        integration=integration,
        vocabulary=as_json(offered),
        vocabulary_read_at=START,
    )


def logged_in(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def address(of: Profile) -> str:
    return f"/admin/integrations/profile/{of.pk}/change/"


def page(user: User, of: Profile) -> str:
    answer = logged_in(user).get(address(of))
    assert answer.status_code == 200
    return answer.content.decode()


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def options(html: str, field: str) -> list[str]:
    """The choices of a drop-down."""
    found = re.search(rf'<select name="{field}".*?</select>', html, re.DOTALL)
    assert found, f"{field} is no drop-down"
    return re.findall(r'<option value="([^"]*)"', found.group())


def save(user: User, of: Profile, **values: Any) -> Any:
    return logged_in(user).post(address(of), EMPTY | values)


# --- Choosing ------------------------------------------------------------------------------------


def test_a_drop_down_offers_what_the_pms_does_and_nothing_is_chosen(
    profile: Profile, manager: User
) -> None:
    html = page(manager, profile)
    assert options(html, "cancel_word") == ["", "cancelled", "void"]
    assert not re.search(r'<option value="cancelled"[^>]* selected', html)
    assert "Looks like it: cancelled." in html
    assert options(html, "payment_type") == [""]
    assert "It offers 12 (Cleaning)." in html
    assert "type it exactly as the PMS has it" in html
    assert re.search(r'<input type="text" name="note_type"', html)
    assert "No cancel word is set" in text(html)


def test_people_and_chairs_are_the_clinics_own_and_active(profile: Profile, manager: User) -> None:
    own = profile.clinic
    mara = make.record(Practitioner, own, first_name="Mara")
    make.record(Practitioner, own, first_name="Grant", is_active=False)
    chair = make.record(Operatory, own, name="Chair 1")
    sibling = make.clinic(own.organization)
    stranger = make.record(Practitioner, sibling, first_name="Tunde")
    make.record(Operatory, sibling, name="Chair 9")
    html = page(manager, profile)
    assert options(html, "default_practitioner") == ["", str(mara.pk)]
    assert options(html, "default_operatory") == ["", str(chair.pk)]
    assert save(manager, profile, default_practitioner=str(stranger.pk)).status_code == 200
    assert Profile.objects.get().default_practitioner is None
    assert save(manager, profile, default_practitioner=str(mara.pk)).status_code == 302
    assert Profile.objects.get().default_practitioner == mara


def test_what_a_person_chooses_is_kept_with_when(
    clock: Clock, profile: Profile, manager: User
) -> None:
    mara = make.record(Practitioner, profile.clinic, external_id="DMD1")
    clock.advance(60)
    answer = save(
        manager,
        profile,
        cancel_word="void",
        note_type="Clinical Note",
        currency="USD",
        longest_note="3000",
        appointment_types="cleaning = 12",
        hours="mon 08:00-12:00, 13:00-17:00",
        practitioner_hours="DMD1 sat 09:00-12:00",
        closures="2030-12-24..2030-12-26 Christmas\n2030-07-01 [DMD1] On leave",
        checks_slots="on",
    )
    assert answer.status_code == 302, answer.context and answer.context["errors"]
    profile.refresh_from_db()
    assert (profile.cancel_word, profile.note_type) == ("void", "Clinical Note")
    assert (profile.currency, profile.longest_note, profile.checks_slots) == ("USD", 3000, True)
    assert profile.appointment_types == {"cleaning": "12"}
    assert profile.hours["mon"] == [["08:00", "12:00"], ["13:00", "17:00"]]
    assert profile.practitioner_hours[str(mara.pk)]["sat"] == [["09:00", "12:00"]]
    assert profile.closures[0] == {
        "first_date": "2030-07-01",
        "last_date": "2030-07-01",
        "reason": "On leave",
        "practitioner": str(mara.pk),
    }
    assert profile.checked_at == START + timedelta(seconds=60)
    assert LogEntry.objects.get().user == manager
    html = page(manager, profile)
    assert "DMD1 sat 09:00-12:00" in html
    assert "2030-12-24..2030-12-26 Christmas" in html
    assert "A person saved this 05 Mar 2030, 10:01" in text(html)


def test_saving_the_page_unchanged_changes_nothing_but_the_check(
    clock: Clock, profile: Profile, manager: User
) -> None:
    values = {"cancel_word": "void", "hours": "mon 08:00-12:00", "appointment_types": "exam = 12"}
    save(manager, profile, **values)
    before = Profile.objects.values().get()
    clock.advance(60)
    hours = "mon 08:00-12:00\r\ntue closed\r\nwed closed\r\nthu closed\r\nfri closed\r\nsat closed"
    assert save(manager, profile, **(values | {"hours": hours})).status_code == 302
    after = Profile.objects.values().get()
    assert after == before | {"checked_at": START + timedelta(seconds=60)}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"cancel_word": "broken"}, "broken is not one of the available choices"),
        ({"hours": "mon 17:00-08:00"}, "mon: 17:00-08:00 ends before it begins"),
        ({"hours": "mon 08:00-12:00, 11:00-13:00"}, "08:00-12:00 and 11:00-13:00 overlap."),
        ({"practitioner_hours": "DMD9 mon closed"}, "DMD9 is no practitioner of this clinic"),
        ({"closures": "2030-12-26..2030-12-24"}, "ends before it begins, on 2030-12-24"),
        ({"closures": "soon"}, "soon is no date; write it as 2030-12-24."),
        ({"appointment_types": "cleaning"}, "is no line such as cleaning = 12."),
        ({"appointment_types": "exam = 99"}, "“99” is none of the PMS&#x27;s types"),
        ({"currency": "UDS"}, "UDS is no currency of ISO 4217"),
    ],
)
def test_what_cannot_be_stays_on_the_page_with_the_reason(
    profile: Profile, manager: User, values: dict[str, str], words: str
) -> None:
    answer = save(manager, profile, **values)
    assert answer.status_code == 200
    html = answer.content.decode()
    assert words in html
    assert all(value in html for value in values.values() if "broken" not in value)
    assert Profile.objects.get().checked_at is None


def test_a_word_that_is_not_offered_any_more_is_shown_and_not_taken_again(
    profile: Profile, manager: User
) -> None:
    Profile.objects.update(cancel_word="gone")
    html = page(manager, profile)
    assert options(html, "cancel_word") == ["", "cancelled", "void", "gone"]
    assert "gone (not offered any more)" in html
    answer = save(manager, profile, cancel_word="gone")
    assert "“gone” is none of the PMS&#x27;s statuses" in answer.content.decode()
    assert save(manager, profile, cancel_word="void").status_code == 302


def test_lists_that_are_read_while_a_person_saves_stay(
    profile: Profile, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = profile.vocabulary | {"statuses": [["void", "void"]]}
    later = START + timedelta(minutes=1)

    def read_meanwhile(form: ProfileForm) -> None:
        Profile.objects.update(vocabulary=newer, vocabulary_read_at=later)

    monkeypatch.setattr(ProfileForm, "clean", read_meanwhile)
    assert save(manager, profile, cancel_word="void").status_code == 302
    stored = Profile.objects.get()
    assert (stored.cancel_word, stored.vocabulary) == ("void", newer)
    assert stored.vocabulary_read_at == later


def test_staff_see_it_and_change_nothing(profile: Profile, desk: User) -> None:
    html = page(desk, profile)
    assert "What the PMS offers" in html
    assert "<select" not in html
    assert "Read the PMS's lists</button>" not in html
    assert save(desk, profile, cancel_word="void").status_code == 403
    assert Profile.objects.get().cancel_word == ""


# --- Reading the lists ---------------------------------------------------------------------------


@pytest.fixture
def pms(integration: Integration) -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        status = {"service_name": "Appointment Status", "value": "void"}
        mock.add("GET", f"{integration.base_url}/practice_variables", json=envelope(status))
        for path in ("writeback_details", "note_types"):
            mock.add("GET", f"{integration.base_url}/{path}", status=204)
        refusal = message("API2004", 401)
        mock.add("GET", f"{integration.base_url}/payment_types", json=refusal, status=401)
        yield mock


def test_the_button_asks_the_pms_and_leads_to_the_choices(
    clock: Clock, pms: responses.RequestsMock, integration: Integration, manager: User
) -> None:
    client = logged_in(manager, enforce_csrf_checks=True)
    link = f"/admin/integrations/integration/{integration.pk}"
    html = client.get(f"{link}/change/").content.decode()
    assert f'<form id="read-lists" method="post" action="{link}/read-lists/">' in html
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', html)
    assert token
    assert client.post(f"{link}/read-lists/").status_code == 403, "no token, no call"
    answer = client.post(
        f"{link}/read-lists/", {"csrfmiddlewaretoken": token.group(1)}, follow=True
    )
    profile = Profile.objects.get()
    assert answer.redirect_chain == [(address(profile), 302)]
    html = answer.content.decode()
    assert "lists were read. Choose, and save." in html
    assert options(html, "cancel_word") == ["", "void"]
    assert "Sikka answered 401 API2004" in html
    assert set(Call.objects.values_list("priority", flat=True)) == {"high"}
    assert Call.objects.count() == 4
    assert profile.cancel_word == ""
    assert "Nobody has chosen anything yet" in client.get(f"{link}/change/").content.decode()


def test_a_pms_that_is_away_is_said_and_hours_can_be_set_nonetheless(
    integration: Integration, manager: User
) -> None:
    link = f"/admin/integrations/integration/{integration.pk}/read-lists/"
    answer = logged_in(manager).post(link, follow=True)
    html = answer.content.decode()
    assert "lists could not be read:" in html
    assert "were never read" in html
    assert re.search(r'<input type="text" name="cancel_word"[^>]* disabled', html)
    profile = Profile.objects.get()
    assert save(manager, profile, hours="mon 08:00-12:00", cancel_word="x").status_code == 302
    profile.refresh_from_db()
    assert (profile.hours["mon"], profile.cancel_word) == ([["08:00", "12:00"]], "")
    assert not LogEntry.objects.filter(change_message__contains="lists").exists()


def test_a_mere_look_and_those_who_may_not_ask_nothing(
    integration: Integration, manager: User, desk: User
) -> None:
    link = f"/admin/integrations/integration/{integration.pk}/read-lists/"
    stranger = make.member(make.organization(), Role.CLINIC_ADMIN, is_staff=True)
    assert logged_in(manager).get(link).status_code == 405
    assert logged_in(desk).post(link).status_code == 403
    assert logged_in(stranger).post(link).status_code == 404
    assert Client().post(link).status_code == 302
    assert not Call.objects.exists()
    assert not Profile.objects.exists()


def test_the_list_of_profiles_says_how_they_stand(profile: Profile, desk: User) -> None:
    html = logged_in(desk).get("/admin/integrations/profile/").content.decode()
    assert ">cannot cancel, record payment, set status<" in html


def test_the_page_obeys_the_strict_content_policy(profile: Profile, manager: User) -> None:
    html = page(manager, profile)
    assert " style=" not in html
    assert not re.search(r"\son[a-z]+=", html)


@pytest.mark.parametrize(("pms", "has_chairs"), [("sikka", True), ("cliniko", False)])
def test_a_usual_chair_is_chosen_only_where_the_pms_has_chairs(
    manager: User, profile: Profile, pms: str, has_chairs: bool
) -> None:
    credential = profile.integration.credential | {"api_key": "MS-invented-au1"}
    profile.integration.pms, profile.integration.credential = pms, credential
    profile.integration.save()
    shown = page(manager, profile)
    assert ('name="default_operatory"' in shown) == has_chairs
    assert 'name="appointment_type"' in shown


def test_the_usual_type_is_one_that_the_pms_offers(manager: User, profile: Profile) -> None:
    client = logged_in(manager)
    answer = client.post(address(profile), EMPTY | {"appointment_type": "12"})
    assert answer.status_code == 302
    profile.refresh_from_db()
    assert profile.appointment_type == "12"
    client.post(address(profile), EMPTY | {"appointment_type": "99"})
    profile.refresh_from_db()
    assert profile.appointment_type == "12"
