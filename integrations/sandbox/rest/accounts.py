"""The two accounts of the simulated service: their sites, their staff and what they offer."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from integrations.sandbox.books import Books
from integrations.sandbox.chance import token


@dataclass(frozen=True)
class Site:
    id: int
    name: str
    street: str


@dataclass(frozen=True)
class Staff:
    id: int
    first_name: str
    last_name: str
    role: str
    site_ids: tuple[int, ...]
    active: bool = True


@dataclass(frozen=True)
class Service:
    id: int
    name: str
    minutes: int
    active: bool = True


@dataclass(frozen=True)
class Account:
    """One customer of the service. Its times are those on the wall of all its sites."""

    id: str
    name: str
    timezone: str
    area_codes: tuple[str, ...]
    first_client_id: int
    first_appointment_id: int
    sites: tuple[Site, ...]
    staff: tuple[Staff, ...]
    services: tuple[Service, ...]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def site(self, id: int) -> Site | None:
        return next((item for item in self.sites if item.id == id), None)

    def member(self, id: int) -> Staff | None:
        return next((item for item in self.staff if item.id == id), None)

    def service(self, id: int) -> Service | None:
        return next((item for item in self.services if item.id == id), None)

    def token(self, seed: int, books: Books) -> str:
        """Return the bearer token that is valid now; see `renew`."""
        return "rst_" + token(seed, "rest_token", self.id, _generations(books).get(self.id, 0))

    def webhook_secret_bytes(self, seed: int) -> bytes:
        """Return 24 bytes, the shortest key that the Standard Webhooks specification allows."""
        return bytes.fromhex(
            (token(seed, "hook", self.id, 1) + token(seed, "hook", self.id, 2))[:48]
        )


def renew(books: Books, account_id: str) -> None:
    """Make an account's token invalid. The next one is among the credentials."""
    generations = _generations(books)
    generations[account_id] = generations.get(account_id, 0) + 1
    books.remember("rest_token_generations", generations)


def _generations(books: Books) -> dict[str, int]:
    return books.recall("rest_token_generations") or {}


SERVICES = (
    Service(301, "Initial consultation", 60),
    Service(302, "Follow-up", 30),
    Service(303, "Massage", 45),
    Service(304, "Assessment", 90),
    Service(305, "Group class", 60, active=False),
)

ACCOUNTS = {
    account.id: account
    for account in (
        Account(
            id="rest-1",
            name="Lakeside Wellness",
            timezone="America/Chicago",
            area_codes=("312", "773", "708", "630", "847", "224", "872", "331"),
            first_client_id=20001,
            first_appointment_id=80001,
            sites=(Site(11, "Lakeside", "5 Shore Road"),),
            staff=(
                Staff(101, "Amara", "Bello", "Physiotherapist", (11,)),
                Staff(102, "Jonas", "Falk", "Massage therapist", (11,)),
                Staff(103, "Mina", "Aoki", "Nutritionist", (11,)),
                Staff(104, "Peter", "Lang", "Physiotherapist", (11,), active=False),
            ),
            services=SERVICES,
        ),
        Account(
            id="rest-2",
            name="Cedar Grove Wellness",
            timezone="America/Vancouver",
            area_codes=("604", "778", "236", "672", "250", "825", "587", "403"),
            # The same numbers as the other account's: ids are unique within an account only.
            first_client_id=20001,
            first_appointment_id=80001,
            sites=(
                Site(11, "Cedar Grove Harbour", "41 Quay Street"),
                Site(12, "Cedar Grove Uptown", "9 Ridge Avenue"),
            ),
            staff=(
                Staff(101, "Sunita", "Rao", "Physiotherapist", (11,)),
                Staff(102, "Elias", "Brandt", "Massage therapist", (11, 12)),
                Staff(103, "Chloé", "Martin", "Acupuncturist", (12,)),
                Staff(104, "Ravi", "Menon", "Physiotherapist", (12,), active=False),
            ),
            services=SERVICES,
        ),
    )
}
