"""The profile of an integration: what may stand in it, and what it answers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from clinics.models import AppointmentStatus, Clinic, Operatory, Practitioner
from integrations import profiles
from integrations.contract import Term, Vocabulary
from integrations.models import Integration, Profile
from integrations.profile_report import report, suggestions
from integrations.profiles import Gap, as_json, missing, open_intervals, profile_of, status_word
from integrations.timetable import WEEKDAYS
from tests import make

pytestmark = pytest.mark.django_db
NOW = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
ALL = ("book", "reschedule", "cancel", "set_status", "create_patient", "add_note", "record_payment")
OFFERED = Vocabulary(
    statuses=(
        Term("open.unconfirm", "Unconfirmed"),
        Term("open.confirm", "Confirmed"),
        Term("broken", "Broken"),
        Term("cancelled", "Cancelled"),
    ),
    appointment_types=(Term("12", "Cleaning"), Term("13", "Exam")),
    note_types=(Term("PatNote", "PatNote"), Term("Clinical Note", "Clinical Note")),
    payment_types=(Term("3", "Check Payment"),),
)
REFUSAL = "Sikka answered 401 API2004."


@pytest.fixture
def profile(integration: Integration) -> Profile:
    """Its lists were read, and nothing is chosen."""
    return Profile.objects.create(
        organization=integration.organization,
        integration=integration,
        vocabulary=as_json(OFFERED),
        vocabulary_read_at=NOW,
    )


def offer(profile: Profile, **lists: Any) -> None:
    """Let the PMS offer something else from now on."""
    profile.vocabulary = profile.vocabulary | as_json(Vocabulary(**lists))
    profile.save()


def refused(profile: Profile, **values: Any) -> dict[str, list[str]]:
    """What is said to a person who chooses so, by field; and nothing is stored."""
    for name, value in values.items():
        setattr(profile, name, value)
    with pytest.raises(ValidationError) as error:
        profile.full_clean()
    return error.value.message_dict


# --- What may stand in it ------------------------------------------------------------------------


def test_words_that_the_pms_offers_are_taken(profile: Profile) -> None:
    profile.cancel_word, profile.no_show_word = "cancelled", "broken"
    profile.confirmed_word, profile.note_type = "open.confirm", "PatNote"
    profile.payment_type, profile.currency = "3", "USD"
    profile.appointment_types = {"cleaning": "12"}
    profile.full_clean()
    profile.save()
    profile.refresh_from_db()
    assert (profile.cancel_word, profile.appointment_types) == ("cancelled", {"cleaning": "12"})


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        (
            "cancel_word",
            "Cancelled",
            "“Cancelled” is none of the PMS's statuses of an appointment. It offers "
            "open.unconfirm, open.confirm, broken, cancelled.",
        ),
        ("note_type", "note", "It offers PatNote, Clinical Note."),
        ("payment_type", "Check Payment", "It offers 3."),
        ("appointment_types", {"cleaning": "99"}, "“99” is none of the PMS's types of appointment"),
        ("appointment_types", {" cleaning": "12"}, "without spaces around it"),
        ("appointment_types", {"": "12"}, "without spaces around it"),
        ("appointment_types", {"x" * 61: "12"}, "at most 60 characters"),
        ("appointment_types", {"Exam": "12", "exam": "13"}, "“exam” is there twice."),
        ("appointment_types", {"exam": 12}, "“exam” needs one of the PMS's values."),
        ("appointment_types", ["exam"], "are pairs"),
        ("currency", "usd", "usd is no currency of ISO 4217; USD and EUR are."),
        ("currency", "XAU", "XAU is no currency"),
        ("longest_note", 0, "greater than or equal to 1"),
        ("hours", {"mon": [["17:00", "08:00"]]}, "mon: 17:00-08:00 ends before it begins"),
        ("hours", "always", "Working hours are spans for each weekday."),
        ("practitioner_hours", {"nobody": {}}, "Choose practitioners of this clinic"),
        ("closures", [{"first_date": "2030-12-26", "last_date": "2030-12-24"}], "ends before it"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_choose(
    profile: Profile, field: str, value: Any, words: str
) -> None:
    said = refused(profile, **{field: value})
    assert words in " ".join(said[field])
    assert getattr(Profile.objects.get(), field) in ("", {}, [], None)


def test_people_and_chairs_of_another_clinic_of_the_same_organization_are_refused(
    profile: Profile,
) -> None:
    sibling = make.clinic(profile.organization)
    stranger = make.record(Practitioner, sibling, first_name="Mara")
    said = refused(
        profile,
        default_practitioner=stranger,
        default_operatory=make.record(Operatory, sibling, name="Chair 1"),
        practitioner_hours={str(stranger.pk): {"mon": [["08:00", "12:00"]]}},
        closures=[
            {
                "first_date": "2030-07-01",
                "last_date": "2030-07-01",
                "practitioner": str(stranger.pk),
            }
        ],
    )
    assert said["default_practitioner"] == ["Choose a practitioner of this clinic."]
    assert said["default_operatory"] == ["Choose an operatory of this clinic."]
    assert said["practitioner_hours"] == said["closures"]
    assert said["closures"] == ["Choose practitioners of this clinic, by their ids."]


def test_somebody_who_has_left_is_refused(profile: Profile) -> None:
    gone = make.record(Practitioner, profile.clinic, first_name="Grant", is_active=False)
    said = refused(profile, default_practitioner=gone)
    assert said == {
        "default_practitioner": ["Grant is not active any more; choose somebody who is."]
    }


def test_no_word_is_taken_before_the_lists_were_read(integration: Integration) -> None:
    profile = Profile(organization=integration.organization, integration=integration)
    said = refused(profile, cancel_word="cancelled", appointment_types={"exam": "13"})
    words = ["Read the PMS's lists before you choose from them."]
    assert said["cancel_word"] == said["appointment_types"] == words


def test_where_the_pms_shows_no_list_a_person_may_know_the_word(profile: Profile) -> None:
    offer(profile, unread={"statuses": REFUSAL})
    profile.cancel_word = "broken"
    profile.full_clean()
    assert status_word(profile, "cancelled") == "broken"
    offer(profile, statuses=())
    assert refused(profile, cancel_word="broken") == {
        "cancel_word": ["“broken” cannot be: the PMS offers no statuses of an appointment."]
    }


def test_a_payment_needs_a_currency(profile: Profile) -> None:
    said = refused(profile, payment_type="3")
    assert said == {"__all__": ["Say in which currency payments are."]}


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("profile_words_after_lists", {"cancel_word": "x", "vocabulary_read_at": None}),
        (
            "profile_words_after_lists",
            {"appointment_types": {"a": "b"}, "vocabulary_read_at": None},
        ),
        ("profile_payment_has_currency", {"payment_type": "3"}),
        ("profile_currency_is_a_code", {"currency": "us"}),
        ("profile_notes_have_length", {"longest_note": 0}),
        ("profile_json_has_form", {"hours": []}),
        ("profile_json_has_form", {"closures": {}}),
        ("profile_json_has_form", {"vocabulary": "x"}),
    ],
)
def test_the_database_holds_the_rules_that_a_row_can_tell(
    profile: Profile, constraint: str, values: dict[str, Any]
) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Profile.objects.update(**values)


def test_an_integration_has_one_profile(profile: Profile) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Profile.objects.create(organization=profile.organization, integration=profile.integration)
    assert profiles.start_profile(profile.integration) == profile


# --- What it answers -----------------------------------------------------------------------------


def test_without_a_profile_nothing_is_set_and_nothing_is_stored(integration: Integration) -> None:
    profile = profile_of(integration)
    assert [status_word(profile, each) for each in profiles.STATUS_WORDS] == [None] * 4
    assert profiles.appointment_type(profile, "cleaning") is None
    assert profiles.default_practitioner(profile) is None
    assert profiles.default_operatory(profile) is None
    assert open_intervals(profile, None, date(2030, 3, 4), NEW_YORK) is None
    assert not Profile.objects.exists()


def test_each_status_has_its_own_word(profile: Profile) -> None:
    profile.cancel_word, profile.no_show_word = "cancelled", "broken"
    profile.confirmed_word = "open.confirm"
    assert status_word(profile, AppointmentStatus.CANCELLED) == "cancelled"
    assert status_word(profile, AppointmentStatus.NO_SHOW) == "broken"
    assert status_word(profile, "confirmed") == "open.confirm"
    assert status_word(profile, "arrived") is None
    with pytest.raises(ValueError, match="No word is kept for fulfilled"):
        status_word(profile, AppointmentStatus.FULFILLED)


def test_a_word_that_is_not_offered_any_more_is_none(profile: Profile) -> None:
    profile.cancel_word, profile.appointment_types = "cancelled", {"Cleaning": "12"}
    assert profiles.appointment_type(profile, "cleaning ") == "12"
    offer(profile, statuses=(Term("void", "Void"),), appointment_types=())
    assert status_word(profile, "cancelled") is None
    assert profiles.appointment_type(profile, "cleaning") is None


def test_a_default_practitioner_who_has_left_is_nobody(profile: Profile) -> None:
    mara = make.record(Practitioner, profile.clinic, first_name="Mara")
    profile.default_practitioner = mara
    profile.save()
    assert profiles.default_practitioner(profile_of(profile.integration)) == mara
    Practitioner.objects.filter(pk=mara.pk).update(is_active=False)
    assert profiles.default_practitioner(profile_of(profile.integration)) is None


@pytest.fixture
def hours(profile: Profile) -> Profile:
    """Open on weekdays from eight to five, but for a holiday on Thursday the 4th of July."""
    profile.hours = {day: [["08:00", "17:00"]] for day in WEEKDAYS[:5]}
    holiday = {"first_date": "2030-07-04", "last_date": "2030-07-04", "reason": "Independence Day"}
    profile.closures = [holiday]
    profile.full_clean()
    profile.save()
    return profile


def test_open_closed_and_unknown_are_three_answers(hours: Profile) -> None:
    def on(day: int) -> Any:
        return open_intervals(hours, None, date(2030, 7, day), NEW_YORK)

    assert on(3) == [(datetime(2030, 7, 3, 12, tzinfo=UTC), datetime(2030, 7, 3, 21, tzinfo=UTC))]
    assert on(4) == [], "a holiday"
    assert on(6) == [], "a Saturday"
    hours.hours = {}
    assert on(3) is None
    assert on(4) == [], "a closure is known even where the hours are not"


def test_a_practitioner_with_other_hours_keeps_those_alone(hours: Profile) -> None:
    mara, tunde = (make.record(Practitioner, hours.clinic, first_name=name) for name in ("M", "T"))
    hours.practitioner_hours = {str(mara.pk): {"sat": [["09:00", "12:00"]]}}
    leave = {"first_date": "2030-07-08", "last_date": "2030-07-12", "reason": "Leave"}
    hours.closures = [*hours.closures, leave | {"practitioner": str(tunde.pk)}]
    hours.full_clean()

    def spans(who: Practitioner | None, day: int) -> int:
        return len(open_intervals(hours, who, date(2030, 7, day), NEW_YORK) or [])

    assert (spans(mara, 6), spans(mara, 8)) == (1, 0)
    assert (spans(tunde, 6), spans(tunde, 8), spans(tunde, 15)) == (0, 0, 1)
    assert (spans(None, 6), spans(None, 8)) == (0, 1)


# --- What is missing -----------------------------------------------------------------------------


def test_of_a_new_profile_everything_is_missing_and_it_says_what_that_means(
    integration: Integration,
) -> None:
    gaps = missing(profile_of(integration), ALL)
    assert [(gap.operation, gap.code) for gap in gaps if gap.blocks] == [
        ("cancel", "cancel_word_not_set"),
        ("record_payment", "currency_not_set"),
        ("set_status", "confirmed_word_not_set"),
        ("set_status", "arrived_word_not_set"),
        ("set_status", "no_show_word_not_set"),
    ]
    assert gaps[0] == Gap(
        operation="cancel",
        field="cancel_word",
        reason="not_set",
        words="No cancel word is set: nobody can call an appointment off.",
        blocks=True,
    )
    assert [gap.operation for gap in gaps if not gap.blocks] == [
        "add_note", "add_note", "book", "book", "book", "create_patient", "record_payment",
    ]  # fmt: skip


def test_only_the_operations_that_were_asked_for_are_told(integration: Integration) -> None:
    assert missing(profile_of(integration), ["reschedule", "fly"]) == []
    assert {gap.operation for gap in missing(profile_of(integration), ["cancel"])} == {"cancel"}


def test_one_word_is_enough_to_set_some_status(profile: Profile) -> None:
    profile.no_show_word = "broken"
    gaps = missing(profile, ["set_status"])
    assert [(gap.field, gap.blocks) for gap in gaps] == [
        ("confirmed_word", False),
        ("arrived_word", False),
    ]


def test_what_was_chosen_and_has_gone_is_missing_again(profile: Profile) -> None:
    gone = make.record(Practitioner, profile.clinic, first_name="Grant", is_active=False)
    profile.default_practitioner = gone
    profile.cancel_word, profile.appointment_types = "cancelled", {"cleaning": "12"}
    assert missing(profile, ["cancel"]) == []
    offer(profile, statuses=(Term("void", "Void"),), appointment_types=(Term("13", "Exam"),))
    gaps = {gap.code: gap for gap in missing(profile, ["cancel", "book"])}
    assert gaps["cancel_word_not_offered"].blocks
    assert gaps["cancel_word_not_offered"].words == (
        "Cancel word is “cancelled”, which the PMS does not offer any more: nobody can call an "
        "appointment off."
    )
    assert gaps["default_practitioner_inactive"].words == (
        "Default practitioner is Grant, who is not active any more: the asker has to name a "
        "practitioner each time."
    )
    assert gaps["appointment_types_not_offered"].words == (
        "The PMS does not offer “12” any more: nobody can book “cleaning”."
    )


def test_what_looks_like_a_word_is_suggested_and_not_taken(profile: Profile) -> None:
    assert {field: term.value for field, term in suggestions(profile).items()} == {
        "cancel_word": "cancelled",
        "no_show_word": "broken",
        "confirmed_word": "open.confirm",
        "note_type": "Clinical Note",
    }
    told = report(profile)
    assert told["suggestions"]["cancel_word"] == "cancelled"
    assert told["set"]["cancel_word"] is None
    assert status_word(profile, "cancelled") is None
    profile.cancel_word = "broken"
    assert "cancel_word" not in suggestions(profile)


def test_the_report_tells_what_is_offered_set_and_refused(profile: Profile) -> None:
    offer(profile, unread={"note_types": REFUSAL})
    profile.checked_at = NOW + timedelta(minutes=5)
    told = report(profile)
    assert told["read_at"] == "2030-03-05T15:00:00+00:00"
    assert told["checked_at"] == "2030-03-05T15:05:00+00:00"
    assert told["unread"] == {"note_types": REFUSAL}
    assert "note_types" not in told["offers"]
    assert told["offers"]["payment_types"] == []


# --- What differs by PMS --------------------------------------------------------------------------


def test_no_chair_is_missed_where_the_pms_has_none_and_a_type_where_it_needs_one(
    clinic: Clinic,
) -> None:
    nookal = make.integration(clinic, pms="nookal", credential={"api_key": "the-api-key"})
    gaps = missing(profile_of(nookal), ["book"])
    assert [gap.code for gap in gaps] == [
        "default_practitioner_not_set",
        "appointment_type_not_set",
        "hours_not_set",
    ]
    assert gaps[1].words == (
        "No appointment type is set: the asker has to name the type of each appointment."
    )


def test_a_usual_type_that_is_not_offered_any_more_is_told_of_by_any_pms(profile: Profile) -> None:
    profile.appointment_type = "12"
    assert "appointment_type" not in {gap.field for gap in missing(profile, ["book"])}
    offer(profile, appointment_types=(Term("13", "Exam"),))
    gaps = {gap.code for gap in missing(profile, ["book"])}
    assert "appointment_type_not_offered" in gaps


def test_nothing_but_what_the_practices_own_system_does_is_missed(clinic: Clinic) -> None:
    """A service known by its description does what that describes."""
    usual = ("book", "reschedule", "create_patient", "update_patient")
    options = {"writes": dict.fromkeys(usual)}
    rest = make.integration(clinic, pms="rest", credential={"token": "t"}, options=options)
    assert {gap.operation for gap in missing(profile_of(rest))} == {"cancel", "set_status"}
    assert report(profile_of(rest))["operations"] == ["cancel", "set_status"]


def test_of_reasons_to_cancel_the_one_that_says_least_is_suggested(profile: Profile) -> None:
    reasons = (Term("30", "Cancelled: sick"), Term("50", "Cancelled: other reason"))
    offer(profile, statuses=reasons)
    assert suggestions(profile)["cancel_word"] == Term("50", "Cancelled: other reason")
