"""A simulated PMS of each kind, as a process of its own over real HTTP.

It shares no code with the adapters or the models, so that one misreading of a vendor's
documentation is not made twice. `manage.py sandbox` serves it; a test starts one like this:

    from integrations.sandbox import running

    with running(delay="10-25", frozen=True) as sandbox:
        sandbox.url            # "http://127.0.0.1:41234/sikka/v4", the simulated Sikka API
        sandbox.credentials    # {"url", "app_id", "app_key", "offices": [{"office_id",
                               #   "secret_key", "practice_name", "timezone", ...}, ...]}
        sandbox.control.advance(30)                  # move its clock; what is due gets done
        sandbox.control.now                          # its clock, a datetime in UTC
        sandbox.control.fault("POST /appointment", "lost_answer", count=1)
        sandbox.control.knobs(agent_offline=["D10001"], failures=0.1)
        sandbox.control.expire_keys("D10001")
        sandbox.control.calls("D10001")              # what was asked, each with its status
        office = sandbox.control.books()["offices"]["D10001"]
        office["appointments"]                       # what writes have made; so "patients",
                                                     #   "medical_notes", "transactions"
        office["traces"]                             # every version of a record by the write that
                                                     #   brought it about: a completed write has
                                                     #   exactly one, any other none
        office["writebacks"]                         # the writes themselves, with their states
        sandbox.control.change("D10001", "patient", "update", "1001", email="")
                                                     # what the practice's own people do
        sandbox.control.truth("D10001")              # what is true there now; see `pms.Pms.truth`
        sandbox.control.webhook("D10001", url, "patient", callback_key="...")
        sandbox.systems["rest"]                      # the credentials of the other PMSs by name
        sandbox.control.reset()                      # as it was at the beginning

Arguments of `running`: host, port, seed, state (a file that outlives a kill), now and frozen (the
clock), verbose, and every knob by its name (`knobs.Knobs` explains them). Faults are explained at
`faults.Fault`, the control's addresses at `control`. The clock follows `datetime.now`, so a test
that moves time for its whole process moves it here, too.

Sikka's world (`sikka.world`) is the same for the same seed and day: 650 patients and 87
appointments to come at each of two dental offices. Both run Dentrix, which can neither change
patients nor tell its free slots; the knob `dolphin` lets an office run a system that can. The other
PMSs have worlds of the same size. A PMS is a folder with a class that keeps to `pms.Pms`.
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
