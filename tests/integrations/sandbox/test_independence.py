"""The sandbox stands alone: what it shared with the product, it could not contradict."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import integrations.sandbox

FOLDER = Path(integrations.sandbox.__file__).parent


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def test_it_imports_nothing_but_itself_werkzeug_and_the_standard_library() -> None:
    foreign = {
        (file.name, module)
        for file in FOLDER.rglob("*.py")
        for module in imported(file.read_text())
        if module.partition(".")[0] not in {*sys.stdlib_module_names, "werkzeug"}
        and not module.startswith("integrations.sandbox")
    }
    assert foreign == set()
