"""How fresh the offices' data are."""

from .gateway import Gateway, code


def test_an_office_is_out_of_date_a_day_after_its_agent_went_away(gateway: Gateway) -> None:
    def told(**query: object) -> dict[str, tuple[str, str]]:
        items = gateway.items("/data_sync_status", office=None, **query)
        return {item["office_id"]: (item["status"], item["data_insert_date"]) for item in items}

    fresh = ("refresh", "2026-03-02T15:00:00")
    assert told() == {"D10001": fresh, "D10002": fresh}

    gateway.turn(agent_offline=["D10001"])
    gateway.clock.advance(24 * 3600)
    assert told() == {"D10001": fresh, "D10002": ("refresh", "2026-03-03T15:00:00")}
    assert list(told(interval=60)) == ["D10002"]

    gateway.clock.advance(1)
    assert told(status="not_refresh") == {"D10001": ("not_refresh", "2026-03-02T15:00:00")}
    assert list(told(office_id="D10002")) == ["D10002"]

    gateway.turn(agent_offline=False)
    assert told(status="not_refresh") == {}


def test_how_fresh_offices_are_is_told_to_the_application_only(gateway: Gateway) -> None:
    assert code(gateway.get("/data_sync_status", office="D10001")) == (400, "API1001")
    assert code(gateway.get("/data_sync_status", office=None, interval="soon")) == (400, "API1026")
