"""The application and the two dental offices that the simulated gateway knows.

Traps of the real gateway are built in: both offices call their practice "1", ids of one office
mean somebody else at the other, and the names of the practice-management systems come in any case.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from integrations.sandbox.chance import token
from integrations.sandbox.knobs import Knobs

# Sikka names zones as Windows does.
WINDOWS_ZONES = {
    "America/New_York": "Eastern Standard Time",
    "America/Los_Angeles": "Pacific Standard Time",
}


@dataclass(frozen=True)
class Provider:
    provider_id: str
    provider_type: str
    first_name: str
    last_name: str
    active: bool = True
    practice_id: str = "1"


@dataclass(frozen=True)
class Operatory:
    operatory: str
    abbreviation: str
    practice_id: str = "1"


@dataclass(frozen=True)
class Practice:
    practice_id: str
    name: str
    street: str
    phone: str


@dataclass(frozen=True)
class Office:
    office_id: str
    city: str
    state: str
    zip_code: str
    timezone: str
    system: str
    system_version: str
    area_codes: tuple[str, ...]
    first_patient_id: int
    practices: tuple[Practice, ...]
    providers: tuple[Provider, ...]
    operatories: tuple[Operatory, ...]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def name(self) -> str:
        return self.practices[0].name

    def provider(self, provider_id: str) -> Provider | None:
        return next((item for item in self.providers if item.provider_id == provider_id), None)

    def management_system(self, knobs: Knobs) -> tuple[str, str]:
        """Return the name and the version of the practice-management system that it runs."""
        if knobs.runs_dolphin(self.office_id):
            return "Dolphin Management", ""
        return self.system, self.system_version

    def secret_key(self, seed: int) -> str:
        return token(seed, "secret_key", self.office_id)


def app_id(seed: int) -> str:
    return token(seed, "app_id")


def app_key(seed: int) -> str:
    return token(seed, "app_key")


OFFICES = {
    office.office_id: office
    for office in (
        Office(
            office_id="D10001",
            city="Portland",
            state="ME",
            zip_code="04101",
            timezone="America/New_York",
            system="Dentrix",
            system_version="G7",
            area_codes=("207", "603", "802", "413", "508", "617", "781", "978"),
            first_patient_id=1001,
            practices=(Practice("1", "Maple Street Dental", "12 Maple Street", "2075550100"),),
            providers=(
                Provider("DMD1", "Provider", "Helena", "Marsh"),
                Provider("DMD2", "Provider", "Tunde", "Adeyemi"),
                Provider("HYG1", "Hygienist", "Paula", "Stein"),
                Provider("HYG2", "Hygienist", "Grant", "Lowell", active=False),
            ),
            operatories=(
                Operatory("OP1", "Op 1"),
                Operatory("OP2", "Op 2"),
                Operatory("OP3", "Op 3"),
                Operatory("OP4", "Op 4"),
                Operatory("OP5", "Op 5"),
            ),
        ),
        Office(
            office_id="D10002",
            city="Seattle",
            state="WA",
            zip_code="98101",
            timezone="America/Los_Angeles",
            system="DENTRIX",
            system_version="G6.4",
            area_codes=("206", "253", "360", "425", "503", "541", "509", "971"),
            first_patient_id=901,
            practices=(
                Practice("1", "Harbour View Dental", "80 Pier Avenue", "2065550100"),
                Practice("2", "Harbour View Dental Hillside", "7 Summit Road", "2065550199"),
            ),
            providers=(
                Provider("DMD1", "Provider", "Noriko", "Abe"),
                Provider("DMD2", "Provider", "Simon", "Vance", practice_id="2"),
                Provider("HYG1", "Hygienist", "Lucía", "Prado"),
                Provider("DMD3", "Provider", "Walter", "Finch", active=False),
            ),
            operatories=(
                Operatory("CHAIR1", "C1"),
                Operatory("CHAIR2", "C2"),
                Operatory("CHAIR3", "C3"),
                Operatory("CHAIR4", "C4"),
                Operatory("HILL1", "H1", practice_id="2"),
            ),
        ),
    )
}
