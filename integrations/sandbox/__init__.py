"""A simulated PMS of each kind, as a process of its own over real HTTP.

It shares no code with the adapters or the models, so that one misreading of a vendor's
documentation is not made twice. `manage.py sandbox` serves it; a test starts one like this:

    from integrations.sandbox import running

    with running(delay="10-25", frozen=True) as sandbox:
        sandbox.systems["cliniko"]    # how to get into a PMS ("sikka", "cliniko", "nookal",
                                      #   "rest"): {"url": "http://127.0.0.1:41234/cliniko/v1",
                                      #   "offices": [{"office_id": "cliniko-1", "api_key", ...}]}
        sandbox.control.advance(30)                  # move its clock; what is due gets done
        sandbox.control.now                          # its clock, a datetime in UTC
        sandbox.control.fault("POST /appointment", "lost_answer", count=1)
        sandbox.control.knobs(agent_offline=["D10001"], cliniko_rate_limit=20)
        sandbox.control.expire_keys("D10001")
        sandbox.control.calls("D10001")              # what was asked, each with its status
        sandbox.control.books("D10001")              # what came about there by writes: see below
        sandbox.control.change("D10001", "patient", "update", "1001", email="")
                                                     # what the practice's own people do
        sandbox.control.truth("D10001")              # what is true there now; see `pms.Pms.truth`
        sandbox.control.webhook("D10001", url, "patient", callback_key="...")
        sandbox.control.reset()                      # as it was at the beginning

Each PMS has two practices, whose ids no other has ("D10001" is a dental office of Sikka's): an id
says which PMS is meant. The books have what writes have made at each (`["offices"]["D10001"]`):
"appointments", "patients" and so on, "writebacks", the writes themselves with their states, and
"traces", every version of a record by the write that brought it about: a completed write has
exactly one, any other none.

Arguments of `running`: host, port, seed, state (a file that outlives a kill), now and frozen (the
clock), verbose, and every knob by its name (`knobs.Knobs` explains them). Faults are explained at
`faults.Fault`, the control's addresses at `control`. The clock follows `datetime.now`, so a test
that moves time for its whole process moves it here, too.

| PMS | practices | what is peculiar |
|---|---|---|
| `sikka` | dental offices, by secret | a write is only queued, and done some seconds later |
| `cliniko` | accounts, by API key | what was cancelled or archived is hidden unless asked for |
| `nookal` | accounts, by API key | failures, too, are answered by 200 |
| `rest` | accounts, by token | how it cuts its lists and what it tells of changes are knobs |

The worlds are the same for the same seed and day: Sikka's (`sikka.world`) has 650 patients and 87
appointments to come at each office, the others' are of the same size. Both offices of Sikka run
Dentrix, which can neither change patients nor tell its free slots; the knob `dolphin` lets one run
a system that can. A PMS is a folder with a class that keeps to `pms.Pms`.
"""

from .books import StateMismatch
from .client import ControlClient, ControlRefused
from .knobs import WrongKnob
from .running import RunningSandbox, running
from .server import PortTaken

__all__ = [
    "ControlClient",
    "ControlRefused",
    "PortTaken",
    "RunningSandbox",
    "StateMismatch",
    "WrongKnob",
    "running",
]
