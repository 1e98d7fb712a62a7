"""A fresh practice of every PMS of the registry."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from integrations import registry
from integrations.quality import DONE, Rule
from integrations.sandbox import RunningSandbox, running
from tests.integrations.contract.practices import WAYS, Practice
from tests.integrations.contract.writes import Desk

#: A Tuesday, 7:00 in New York and noon in London.
START = datetime(2030, 3, 5, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[RunningSandbox]:
    with running(now=START, frozen=True) as sandbox:
        yield sandbox


@pytest.fixture(params=sorted(registry.ADAPTERS))
def pms(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def practice(pms: str, _sandbox: RunningSandbox) -> Practice:
    standing = registry.manifest(pms).quality.get(Rule.SANDBOX)
    if standing is not None and standing != DONE:
        pytest.skip(f"{pms} is not simulated: {standing.reason}")
    control = _sandbox.control
    control.reset()
    control.set_now(START)
    systems = control.credentials()
    assert pms in systems, "its manifest says that it is simulated, and the sandbox has none"
    assert pms in WAYS, "tests/integrations/contract/practices.py does not say how to get in"
    control.knobs(wide_events=0, rate_limit=100_000, **WAYS[pms].knobs)
    for knob in control.knobs():
        if knob.endswith("_rate_limit"):
            control.knobs(**{knob: 100_000})
    # The last office of each has two sites, where any has.
    return Practice(pms, _sandbox, systems[pms], systems[pms]["offices"][-1])


@pytest.fixture
def desk(practice: Practice) -> Desk:
    return Desk(practice)
