"""What the service still knows after a restart, and what a reset forgets."""

from pathlib import Path

from .service import BOOKING, Service


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    file = tmp_path / "books.sqlite3"
    first = Service(state=file)
    first.control("POST", "/expire_keys", {"office_id": "rest-1"})
    visit = first.write("POST", "/appointments", BOOKING)
    before, token = first.truth(), first.token()
    first.sandbox.close()

    second = Service(state=file)
    assert (second.truth(), second.token()) == (before, token)
    assert second.one(f"/appointments/{visit['id']}") == visit
    assert second.write("POST", "/appointments", BOOKING)["id"] == visit["id"] + 1
    second.sandbox.close()


def test_a_reset_brings_the_first_world_back(service: Service) -> None:
    before, token = service.truth(), service.token()
    service.write("POST", "/appointments", BOOKING)
    service.change("patient", "delete", "20001")
    service.control("POST", "/expire_keys", {"office_id": "rest-1"})
    assert service.token() != token
    service.control("POST", "/reset")
    assert (service.truth(), service.token()) == (before, token)
    assert service.books()["writebacks"] == []
