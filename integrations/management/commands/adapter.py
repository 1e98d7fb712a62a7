"""`manage.py adapter`: lay out the folder, the line and the tests of a new PMS."""

from __future__ import annotations

import keyword
import re
from argparse import ArgumentParser
from pathlib import Path
from string import Template
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

TEMPLATES: Final = Path(__file__).parent.parent / "new_adapter"
ADAPTERS: Final = Path("integrations/adapters")
REGISTRY: Final = Path("integrations/registry.py")
TEST: Final = "test.py.tpl"
#: A line of the registry.
LINE: Final = re.compile(r'^    "(\w+)": "integrations\.adapters\.\w+",\n', re.MULTILINE)

NEXT: Final = """
Next:
 1. {folder}/manifest.py: limits, page size and lists, each with its source; what the credential is.
 2. {folder}/answers.py: how it says no. adapter.py, mapping.py: verify, then a list at a time.
    integrations/contract.py says what each method has to do, integrations/adapters/sikka shows one.
 3. {test} fails for what is missing; .venv/bin/pytest {test}
 4. integrations/sandbox/{name}/: simulate it from the vendor's documentation, without looking at
    the adapter, and name it in integrations/sandbox/application.py.
 5. tests/integrations/contract/practices.py: say in WAYS how to get in, and set Rule.SANDBOX to
    DONE; .venv/bin/pytest tests/integrations/contract -k {name}
 6. Turn each `todo` of its manifest into DONE or exempt, and README.md into its quirks.
"""


class Command(BaseCommand):
    help = "Lay out an adapter for another PMS: its folder, its tests and its line in the registry."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="short and lower-case, such as dentrix")
        parser.add_argument("--title", help="what people call it (the name, capitalized)")
        parser.add_argument(
            "--root",
            type=Path,
            default=settings.BASE_DIR,
            metavar="FOLDER",
            help="the project (this one)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name, root = options["name"], options["root"]
        if not re.fullmatch(r"[a-z][a-z0-9_]{1,19}", name) or keyword.iskeyword(name):
            raise CommandError("A name has 2 to 20 lower-case letters, digits and _.")
        title = options["title"] or name.replace("_", " ").title()
        if not re.fullmatch(r"[\w .&'-]{1,30}", title):
            raise CommandError("A title has 30 letters at most, and no quotation marks.")
        registered = (root / REGISTRY).read_text()
        folder, test = ADAPTERS / name, Path(f"tests/integrations/adapters/test_{name}.py")
        if name in LINE.findall(registered) or any(
            (root / each).exists() for each in (folder, test)
        ):
            raise CommandError(f"There is an adapter called {name} already.")
        words = {"name": name, "title": title, "cls": name.title().replace("_", "")}
        (root / folder).mkdir()
        for template in sorted(TEMPLATES.glob("*.tpl")):
            target = test if template.name == TEST else folder / template.name.removesuffix(".tpl")
            (root / target).write_text(Template(template.read_text()).substitute(words))
            self.stdout.write(f"{target}")
        (root / REGISTRY).write_text(with_line(registered, name))
        self.stdout.write(f"{REGISTRY}: a line for {name}")
        self.stdout.write(NEXT.format(name=name, folder=folder, test=test).rstrip())


def with_line(registry: str, name: str) -> str:
    """Return the registry's text with a line more, in the order of names.

    Raises CommandError for a registry in another form.
    """
    lines = list(LINE.finditer(registry))
    if not lines:
        raise CommandError(f"{REGISTRY} has no list of adapters in the form that is known.")
    after = [line for line in lines if line[1] < name]
    at = after[-1].end() if after else lines[0].start()
    return f'{registry[:at]}    "{name}": "integrations.adapters.{name}",\n{registry[at:]}'
