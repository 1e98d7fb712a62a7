"""What every insight starts from: the clinic, the moment, and what the clinic has said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self

from django.db import connection

from clinics.models import Clinic
from integrations.models import Integration
from integrations.profile_model import Profile
from integrations.profiles import profile_of
from metrics import preferences
from metrics.insights.definitions import COMING_DAYS, PAST_DAYS
from metrics.models import Preferences
from metrics.rollups import BOOKED, VISITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One clinic at one moment. `pms` and `profile` are empty where it has no integration."""

    clinic: Clinic
    now: datetime
    wishes: Preferences
    pms: str
    profile: Profile | None

    @classmethod
    def of(cls, clinic: Clinic, now: datetime) -> Self:
        """Return the context, with what the clinic has said read from the database."""
        integration = Integration.objects.filter(clinic=clinic).first()
        return cls(
            clinic=clinic,
            now=now.astimezone(UTC),
            wishes=preferences.of(clinic),
            pms=integration.pms if integration else "",
            profile=profile_of(integration) if integration else None,
        )

    @property
    def today(self) -> date:
        """The clinic's own date."""
        return self.now.astimezone(self.clinic.zone).date()

    def midnight(self, days: int) -> datetime:
        """Return when the date begins that is so many days from today, in UTC."""
        day = self.today + timedelta(days=days)
        return datetime.combine(day, time.min, tzinfo=self.clinic.zone).astimezone(UTC)

    def query(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a statement. It may name, beside the values given: clinic, zone, now,
        today, since and until (the days that are looked back on and ahead), booked and visits
        (the statuses that count as such)."""
        with connection.cursor() as cursor:
            cursor.execute(sql, {**self._values(), **values})
            return cursor.fetchall()

    def _values(self) -> Mapping[str, Any]:
        return {
            "clinic": self.clinic.pk,
            "zone": self.clinic.timezone,
            "now": self.now,
            "today": self.today,
            "since": self.midnight(-PAST_DAYS),
            "until": self.midnight(COMING_DAYS),
            "booked": list(BOOKED),
            "visits": list(VISITS),
        }
