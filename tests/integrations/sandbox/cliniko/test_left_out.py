"""What lists leave out by default, and how a filter brings it back: the most error-prone point."""

import pytest

from .caller import Caller

CANCEL = {"cancellation_reason": 50}
EVERYTHING = ["cancelled_at:*", "archived_at:*", "deleted_at:*"]


@pytest.fixture
def cancelled(caller: Caller) -> str:
    id = caller.book()["id"]
    caller.done("PATCH", f"/individual_appointments/{id}/cancel", json=CANCEL)
    return id


def test_a_cancelled_appointment_is_listed_only_where_its_field_is_named(
    caller: Caller, cancelled: str
) -> None:
    def seen(*q: str) -> bool:
        return cancelled in caller.ids("individual_appointments", q=list(q))

    assert not seen()
    assert not seen("updated_at:>2026-01-01T00:00:00Z")
    assert not seen("archived_at:*")
    assert seen("cancelled_at:*")
    assert seen("cancelled_at:?")
    assert seen("cancelled_at:>2026-03-02T14:59:59Z")
    assert not seen("cancelled_at:!?")


def test_an_archived_appointment_needs_its_own_filter(caller: Caller, cancelled: str) -> None:
    caller.done("POST", f"/individual_appointments/{cancelled}/archive")

    def seen(*q: str) -> bool:
        return cancelled in caller.ids("individual_appointments", q=list(q))

    assert not seen("cancelled_at:*")
    assert not seen("archived_at:*")
    assert seen("cancelled_at:*", "archived_at:*")


def test_what_changed_since_is_complete_only_with_both_filters(
    caller: Caller, cancelled: str
) -> None:
    changed = "updated_at:>=2026-03-02T15:00:00Z"
    standing = caller.book()["id"]
    assert caller.ids("individual_appointments", q=changed) == [standing]
    assert caller.ids("individual_appointments", q=[changed, *EVERYTHING]) == [cancelled, standing]


def test_a_filter_is_as_strict_as_its_second(caller: Caller) -> None:
    """Times are kept in whole seconds: after a second is not the second itself."""
    made = caller.register()
    assert caller.ids("patients", q=f"updated_at:>{made['updated_at']}") == []
    assert caller.ids("patients", q=f"updated_at:>={made['updated_at']}") == [made["id"]]


@pytest.mark.parametrize(
    ("resource", "q", "more"),
    [
        ("individual_appointments", "cancelled_at:*", True),
        ("patients", "archived_at:*", True),
        ("appointment_types", "archived_at:*", True),
        ("businesses", "archived_at:*", False),
    ],
)
def test_a_list_leaves_out_what_is_over(caller: Caller, resource: str, q: str, more: bool) -> None:
    field = q.partition(":")[0]
    default, whole = caller.listed(resource), caller.listed(resource, q=q)
    assert [item for item in whole if item[field] is None] == default
    assert (len(whole) > len(default)) is more


def test_a_record_that_is_left_out_is_not_found_alone_either_without_its_filter(
    caller: Caller, cancelled: str
) -> None:
    path = f"/individual_appointments/{cancelled}"
    assert caller.call("GET", path).status_code == 404
    assert caller.get(path, q="cancelled_at:*")["id"] == cancelled
    assert caller.get(path, q=EVERYTHING)["id"] == cancelled
    assert caller.complaint(path, q="updated_at:>2026-01-01T00:00:00Z") == (
        "updated_at is not filterable"
    )


def test_practitioners_who_are_inactive_have_a_list_of_their_own(caller: Caller) -> None:
    active, inactive = caller.ids("practitioners"), caller.get("/practitioners/inactive")
    assert [item["active"] for item in inactive["practitioners"]] == [False]
    (gone,) = (item["id"] for item in inactive["practitioners"])
    assert gone not in active
    assert caller.ids("practitioners", q="active:=false") == [gone]
    assert caller.ids("practitioners", q="active:=true") == active
    assert caller.get(f"/practitioners/{gone}")["active"] is False


def test_a_deleted_patient_is_seen_by_no_filter(caller: Caller) -> None:
    id = caller.register()["id"]
    caller.change("patient", "delete", id)
    assert id not in caller.ids("patients", q="archived_at:*")
    assert caller.call("GET", f"/patients/{id}", q="archived_at:*").status_code == 404
