"""`python -m tests.chaos`, which `make chaos` calls: exit code 1 where something was found."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from functools import partial

from rich.console import Console

from tests.chaos.plan import KINDS
from tests.chaos.run import Options, Run
from tests.chaos.summary import show


def main() -> int:
    parser = ArgumentParser(
        prog="make chaos",
        description="Ask for changes while everything fails, and compare with the PMS's books.",
    )
    parser.add_argument("--count", type=int, default=500, help="asks (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="which asks and faults (%(default)s)")
    parser.add_argument(
        "--minutes", type=float, default=10, help="in which they are made (%(default)s)"
    )
    parser.add_argument(
        "--settle", type=float, default=20, metavar="MINUTES",
        help="in which all has to end after that (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--kinds", nargs="+", choices=list(KINDS), default=(), help="only these (all)"
    )
    given = parser.parse_args()
    options = Options(
        count=given.count,
        seed=given.seed,
        minutes=given.minutes,
        settle_minutes=given.settle,
        kinds=tuple(given.kinds),
    )
    console = Console(file=sys.stdout, soft_wrap=True)
    report = Run(options, partial(console.print, markup=False, highlight=False))()
    show(report, console)
    return 0 if report.clean else 1


if __name__ == "__main__":
    sys.exit(main())
