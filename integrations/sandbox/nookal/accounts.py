"""The simulated accounts: their sites, who works there, and what can be booked.

Ids are small numbers and the same in both accounts, as they are Nookal's own to count. The second
account's two sites stand either side of a border that daylight saving time does not cross.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from integrations.sandbox.chance import token


@dataclass(frozen=True)
class Location:
    id: str
    name: str
    street: str
    city: str
    state: str
    postcode: str
    timezone: str
    telephone: str

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


@dataclass(frozen=True)
class Practitioner:
    id: str
    title: str
    first_name: str
    last_name: str
    speciality: str
    location_ids: tuple[str, ...]
    active: bool = True


@dataclass(frozen=True)
class AppointmentType:
    """What can be booked. An appointment takes as long as its type says."""

    id: str
    name: str
    minutes: int
    price: str
    active: bool = True


@dataclass(frozen=True)
class Account:
    account_id: str
    name: str
    area_code: str
    locations: tuple[Location, ...]
    practitioners: tuple[Practitioner, ...]

    def api_key(self, seed: int) -> str:
        return token(seed, "nookal", self.account_id)

    @property
    def zone(self) -> ZoneInfo:
        return self.locations[0].zone

    def location(self, location_id: str) -> Location | None:
        return next((item for item in self.locations if item.id == location_id), None)

    def practitioner(self, practitioner_id: str) -> Practitioner | None:
        return next((item for item in self.practitioners if item.id == practitioner_id), None)


# Some take no whole number of the quarters of an hour that availability is told in.
TYPES = {
    item.id: item
    for item in (
        AppointmentType("1", "Initial Consultation", 45, "105.00"),
        AppointmentType("2", "Standard Consultation", 30, "85.00"),
        AppointmentType("3", "Long Consultation", 60, "140.00"),
        AppointmentType("4", "Exercise Review", 20, "60.00"),
        AppointmentType("5", "Hydrotherapy", 30, "70.00", active=False),
    )
}

ACCOUNTS = {
    account.account_id: account
    for account in (
        Account(
            account_id="nookal-1",
            name="Riverbend Physiotherapy",
            area_code="03",
            locations=(
                Location(
                    *("1", "Riverbend Physiotherapy", "12 Birch Street", "Melbourne", "VIC"),
                    *("3000", "Australia/Melbourne", "03 5550 0001"),
                ),
            ),
            practitioners=(
                Practitioner("1", "Ms", "Harriet", "Lowe", "Physiotherapist", ("1",)),
                Practitioner("2", "Mr", "Desmond", "Achebe", "Physiotherapist", ("1",)),
                Practitioner("3", "Dr", "Paula", "Winter", "Podiatrist", ("1",)),
                Practitioner("4", "Mr", "Owen", "Tait", "Physiotherapist", ("1",), active=False),
            ),
        ),
        Account(
            account_id="nookal-2",
            name="Border Coast Allied Health",
            area_code="07",
            locations=(
                Location(
                    *("1", "Border Coast Coolangatta", "3 Pine Street", "Coolangatta", "QLD"),
                    *("4225", "Australia/Brisbane", "07 5550 0002"),
                ),
                Location(
                    *("2", "Border Coast Tweed Heads", "40 Lake Street", "Tweed Heads", "NSW"),
                    *("2485", "Australia/Sydney", "07 5550 0003"),
                ),
            ),
            practitioners=(
                Practitioner("1", "Ms", "Mele", "Fonua", "Physiotherapist", ("1",)),
                Practitioner("2", "Mr", "Rohan", "Das", "Osteopath", ("2",)),
                Practitioner("3", "Ms", "Signe", "Holm", "Physiotherapist", ("1", "2")),
                Practitioner("4", "Ms", "Ivy", "Marsh", "Podiatrist", ("2",), active=False),
            ),
        ),
    )
}
