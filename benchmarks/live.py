"""`python -m benchmarks.live`: how soon a change is seen by who watches a clinic.

Starts throw-away servers (config/bench/rig.py), a web server and workers as the Procfile does, and
sockets on loopback; ends all of them. Takes less than three minutes.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

from config.bench import rig
from config.embedded import EmbeddedError

#: What is said of each figure.
LINES = (
    ("100 sockets on one clinic, {changes:.0f} confirmed writebacks", "booked"),
    (
        "the same clinic, {changes:.0f} change(s) in the simulated PMS, from the page's commit",
        "page",
    ),
    ("  and from the webhook's arrival", "hook"),
    ("1,000 sockets over 10 clinics, {changes:.0f} changes", "crowd"),
)


def main() -> int:
    """Measure and print; returns 1 where something was lost or p95 is not below a second."""
    django.setup()
    from benchmarks import watched  # has models

    print(f"{os.cpu_count()} CPUs, all on one machine with its clients", flush=True)  # noqa: T201
    try:
        with rig.throw_away_servers():
            found = rig.measure(watched.measure, 1, 120)
    except EmbeddedError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print(f"{'seconds from the commit to each socket':<72}{'p50':>7}{'p95':>7}{'max':>7}")  # noqa: T201
    for words, name in LINES:
        figures = "".join(f"{found[f'{name} {each}']:>7.3f}" for each in ("p50", "p95", "max"))
        text = words.format(changes=found[f"{name} changes"])
        print(f"{text:<72}{figures}")  # noqa: T201
    print(  # noqa: T201
        f"the web's memory: {found['megabytes before']:.0f} MB before, "
        f"{found['megabytes with 1,000']:.0f} MB with 1,000 sockets; "
        f"opening them took {found['opening']:.1f} s"
    )
    print(f"sockets without the final state: {found['lost']:.0f}")  # noqa: T201
    return int(found["lost"] > 0 or found["booked p95"] >= 1 or found["crowd p95"] >= 1)


if __name__ == "__main__":
    sys.exit(main())
