"""Show at a terminal how a run fares: a bar for each list, or plain lines where nobody watches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from integrations.contract import Priority
from integrations.standing import calls_left
from sync.models import Checkpoint, SyncRun
from sync.wording import read_words, step_words, steps_of

#: A plain line for every so many pages of a long list.
PAGES_A_LINE: Final = 10


class Display(Protocol):
    """Hears of each page and each list that is done."""

    def __enter__(self) -> Display: ...

    def __exit__(self, *why: object) -> None: ...

    def __call__(self, run: SyncRun, checkpoint: Checkpoint) -> None: ...

    def say(self, text: str) -> None:
        """Write a line beside it."""


class Lines:
    """Plain lines, for logs and pipes: each list when it is done, a long one on its way too."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._step: int | None = None
        self._last = ""

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *why: object) -> None:
        """Nothing is left to be ended."""

    def __call__(self, run: SyncRun, checkpoint: Checkpoint) -> None:
        if self._step is not None and checkpoint.step > self._step:
            name = step_words(steps_of(checkpoint)[self._step], run.clinic.zone)
            self.say(f"{name}: {self._last}; {_left(run)}")
        elif checkpoint.step_pages % PAGES_A_LINE == 0 and checkpoint.step_pages:
            name = step_words(steps_of(checkpoint)[checkpoint.step], run.clinic.zone)
            self.say(f"{name}: {read_words(checkpoint)} so far; {_left(run)}")
        self._step, self._last = checkpoint.step, read_words(checkpoint)

    def say(self, text: str) -> None:
        self._write(f"  {text}")


class Bars:
    """A bar for each list: records of the PMS's own total, pages, calls left, time to go."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[read]}"),
            TextColumn("{task.fields[left]}"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=console,
        )
        self._tasks: dict[int, TaskID] = {}

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *why: object) -> None:
        self._progress.stop()

    def __call__(self, run: SyncRun, checkpoint: Checkpoint) -> None:
        steps = steps_of(checkpoint)
        for number, task in self._tasks.items():
            if number < checkpoint.step:
                whole = self._progress.tasks[number].total or 1
                self._progress.update(task, total=whole, completed=whole, left="")
        for number, step in enumerate(steps):
            if number not in self._tasks:
                name = step_words(step, run.clinic.zone)
                # What an earlier shift has read stands as done.
                total = 1 if number < checkpoint.step else None
                self._tasks[number] = self._progress.add_task(
                    name, start=False, total=total, completed=total or 0, read="", left=""
                )
        if checkpoint.step in self._tasks:
            self._show(run, checkpoint)

    def say(self, text: str) -> None:
        self._progress.console.print(f"  {text}", markup=False, highlight=False)

    def _show(self, run: SyncRun, checkpoint: Checkpoint) -> None:
        task = self._tasks[checkpoint.step]
        if checkpoint.step_pages == 1 or self._progress.tasks[checkpoint.step].start_time is None:
            self._progress.start_task(task)
        total = checkpoint.step_total
        self._progress.update(
            task,
            # The PMS's word may be too low.
            total=max(total, checkpoint.step_records) if total is not None else None,
            completed=checkpoint.step_records,
            read=read_words(checkpoint),
            left=_left(run),
        )


def display(write: Callable[[str], object]) -> Display:
    """Return bars where standard output is a terminal, else lines."""
    console = Console()
    return Bars(console) if console.is_terminal else Lines(write)


def _left(run: SyncRun) -> str:
    """Say how many of the practice's background calls are left in its window."""
    calls = calls_left(run.integration, Priority.LOW, timezone.now())
    return f"{calls:,} call{'' if calls == 1 else 's'} left"
