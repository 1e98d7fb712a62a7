"""The two Cliniko accounts that the simulated API knows: sites, people who treat, what they offer.

Traps of the real API are built in: ids beyond what a floating-point number can tell apart, one
account with sites in two time zones half an hour apart, keys with hyphens in their bodies,
practitioners and appointment types that are inactive, archived or kept out of online booking.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from integrations.sandbox.chance import token

# Where the ids of each kind begin, counted from the account's own id. Ids of about 19 digits are
# reported from live accounts.
FIRST_IDS = {
    "business": 10_001,
    "practitioner": 20_001,
    "appointment_type": 30_001,
    "daily_availability": 40_001,
    "user": 50_001,
    "patient": 1_000_001,
    "appointment": 5_000_001,
}


@dataclass(frozen=True)
class Business:
    """A site of an account."""

    name: str
    street: str
    city: str
    state: str
    post_code: str
    timezone: str
    label: str
    """The zone's name in Cliniko's own list."""
    online: bool = True


@dataclass(frozen=True)
class AppointmentType:
    name: str
    minutes: int
    category: str
    online: bool = True
    archived: bool = False
    lead_hours: int = 0


@dataclass(frozen=True)
class Practitioner:
    title: str
    first_name: str
    last_name: str
    designation: str
    businesses: tuple[int, ...] = (0,)
    """Which of the account's businesses they work at, by position."""
    types: tuple[int, ...] = (0, 1, 2)
    """Which of the account's appointment types they offer, by position."""
    active: bool = True
    online: bool = True


@dataclass(frozen=True)
class Account:
    office_id: str
    id: int
    name: str
    subdomain: str
    shard: str
    country: str
    country_code: str
    currency: str
    calling_code: str
    phones: tuple[tuple[str, str], tuple[str, str]]
    """Type and form of the telephone that most patients have, and of a second one."""
    timezone: str
    businesses: tuple[Business, ...]
    practitioners: tuple[Practitioner, ...]
    types: tuple[AppointmentType, ...]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def id_of(self, kind: str, position: int) -> str:
        """Return the id of the account's nth record of a kind in the beginning."""
        return str(self.id + FIRST_IDS[kind] + position)

    def api_key(self, seed: int, generation: int) -> str:
        """Return the key of the account's administrator; each revocation brings a new generation.

        Its body holds hyphens, as a third party reports of real ones.
        """
        secret = token(seed, "cliniko_key", self.office_id, generation)
        return f"MS0x-{secret[:14]}-{secret[14:]}-{self.shard}"


ACCOUNTS = {
    account.office_id: account
    for account in (
        Account(
            office_id="cliniko-1",
            id=1_416_204_758_020_300_000,
            name="Harbour Street Physiotherapy",
            subdomain="harbour-street",
            shard="au2",
            country="Australia",
            country_code="AU",
            currency="$",
            calling_code="61",
            # Numbers that the Australian regulator keeps free for fiction are mostly landlines.
            phones=(("Home", "(02) 5550 ####"), ("Work", "(08) 7010 ####")),
            timezone="Australia/Sydney",
            businesses=(
                Business(
                    name="Harbour Street Physiotherapy",
                    street="14 Harbour Street",
                    city="Sydney",
                    state="NSW",
                    post_code="2000",
                    timezone="Australia/Sydney",
                    label="Sydney",
                ),
                Business(
                    name="Harbour Street Physiotherapy Adelaide",
                    street="3 Vine Lane",
                    city="Adelaide",
                    state="SA",
                    post_code="5000",
                    timezone="Australia/Adelaide",
                    label="Adelaide",
                ),
            ),
            practitioners=(
                Practitioner("Ms", "Harriet", "Lang", "Physiotherapist", types=(0, 1, 2, 3)),
                Practitioner("Mr", "Tobias", "Wren", "Physiotherapist", (0, 1)),
                Practitioner("Dr", "Amara", "Nwosu", "Podiatrist", (1,), (0, 2)),
                Practitioner("Ms", "Greta", "Holm", "Physiotherapist", (0,), online=False),
                Practitioner("Mr", "Colin", "Ashby", "Physiotherapist", (0,), active=False),
            ),
            types=(
                AppointmentType("Initial consultation", 60, "Physiotherapy"),
                AppointmentType("Standard consultation", 30, "Physiotherapy"),
                AppointmentType("Long consultation", 45, "Physiotherapy", lead_hours=24),
                AppointmentType("Report writing", 30, "Administration", online=False),
                AppointmentType("Hydrotherapy", 45, "Physiotherapy", archived=True),
            ),
        ),
        Account(
            office_id="cliniko-2",
            id=1_652_911_304_771_800_000,
            name="Bridge Lane Osteopathy",
            subdomain="bridge-lane",
            shard="uk1",
            country="United Kingdom",
            country_code="GB",
            currency="£",
            calling_code="44",
            # Kept free for drama by the British regulator.
            phones=(("Mobile", "07700 900###"), ("Home", "020 7946 0###")),
            timezone="Europe/London",
            businesses=(
                Business(
                    name="Bridge Lane Osteopathy",
                    street="22 Bridge Lane",
                    city="London",
                    state="Greater London",
                    post_code="SE1 0AA",
                    timezone="Europe/London",
                    label="London",
                ),
                Business(
                    name="Bridge Lane home visits",
                    street="22 Bridge Lane",
                    city="London",
                    state="Greater London",
                    post_code="SE1 0AA",
                    timezone="Europe/London",
                    label="London",
                    online=False,
                ),
            ),
            practitioners=(
                Practitioner("Mr", "Rowan", "Fairley", "Osteopath", (0, 1), (0, 1, 2, 3)),
                Practitioner("Mrs", "Indira", "Bose", "Osteopath", (0,)),
                Practitioner("Ms", "Nell", "Carver", "Massage therapist", (0,), (1, 2)),
                Practitioner("Mr", "Piers", "Holt", "Osteopath", (0,), active=False),
            ),
            types=(
                AppointmentType("New patient", 45, "Osteopathy"),
                AppointmentType("Follow-up", 30, "Osteopathy"),
                AppointmentType("Massage", 60, "Massage", lead_hours=4),
                AppointmentType("Telephone advice", 15, "Osteopathy", online=False),
                AppointmentType("Cranial osteopathy", 45, "Osteopathy", archived=True),
            ),
        ),
    )
}
