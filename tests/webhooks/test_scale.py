"""A tick of the dispatcher looks at endpoints, and not at all that waits for them."""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinics.models import Clinic
from tenancy import scope
from tests import make
from tests.conftest import START
from webhooks import due
from webhooks.models import Delivery, Endpoint, Message

pytestmark = pytest.mark.django_db

ENDPOINTS, EACH = 200, 100


def test_a_tick_over_many_deliveries_uses_the_index_and_is_quick(clinic: Clinic) -> None:
    owner = clinic.organization
    endpoints = Endpoint.objects.bulk_create(
        Endpoint(organization=owner, url="https://receiver.example", secret="-", failures=n % 2)
        for n in range(ENDPOINTS)
    )
    messages = Message.objects.bulk_create(
        Message(pk=uuid4(), organization=owner, type="writeback.failed", data={}, created_at=START)
        for _ in range(EACH)
    )
    Delivery.objects.bulk_create(
        Delivery(
            organization=owner,
            endpoint=endpoint,
            message=message,
            created_at=START,
            # A tenth of them is due.
            due_at=START + timedelta(hours=0 if number % 10 == 0 else 1),
        )
        for endpoint in endpoints
        for number, message in enumerate(messages)
    )
    make.webhook(owner)  # that nothing is due to
    with connection.cursor() as cursor:
        for table in ("webhooks_delivery", "webhooks_endpoint"):
            cursor.execute(f"ANALYZE {table}")
    with scope.everywhere():
        begun = time.perf_counter()
        with CaptureQueriesContext(connection) as captured:
            handed = due.endpoints_with_due(START)
        took = time.perf_counter() - begun
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN " + captured[0]["sql"].rpartition(";")[2])
            plan = "\n".join(row[0] for row in cursor.fetchall())
    assert len(handed) == due.HANDED_OUT + due.FAILING_AT_ONCE
    assert "using delivery_due on webhooks_delivery" in plan, plan
    assert "Seq Scan on webhooks_delivery" not in plan
    assert took < 0.5
