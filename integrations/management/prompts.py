"""Ask a person at a terminal: a line, a secret, one of several."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence


def ask(say: Callable[[str], object], label: str, usual: str = "") -> str:
    """Return a line that is not empty, or the usual one for an empty line."""
    while True:
        hint = f" [{usual}]" if usual else ""
        if answer := input(f"{label}{hint}: ").strip() or usual:
            return answer
        say("  It cannot be empty.")


def ask_secret(label: str) -> str:
    """Return what is typed without an echo; may be empty."""
    return getpass.getpass(f"{label} (not shown): ").strip()


def ask_optional(label: str) -> str:
    """Return a line; may be empty."""
    return input(f"{label}: ").strip()


def choose(say: Callable[[str], object], label: str, offered: Sequence[str], other: str) -> str:
    """Return one of those offered, or "" where the person chose `other`."""
    for number, each in enumerate(offered, start=1):
        say(f"  {number}  {each}")
    say(f"  {len(offered) + 1}  {other}")
    while True:
        answer = input(f"{label} (number): ").strip()
        if answer.isdecimal() and 1 <= int(answer) <= len(offered) + 1:
            chosen = int(answer) - 1
            return offered[chosen] if chosen < len(offered) else ""
        say(f"  A number from 1 to {len(offered) + 1}.")


def agree(question: str) -> bool:
    """Return whether the answer is yes, which an empty line is."""
    return input(f"{question} [Y/n] ").strip().lower() in ("", "y", "yes")
