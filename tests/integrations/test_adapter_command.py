"""`make adapter`: a folder, tests and a line for another PMS, and what it still lacks."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib import import_module, invalidate_caches
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

import integrations.adapters
from integrations import registry
from integrations.contract import Adapter
from integrations.http.client import Reply
from integrations.http.errors import NoAnswer, NotAuthorized, Throttled
from integrations.management.commands.adapter import with_line
from integrations.quality import Rule
from integrations.queries import Feed, Resource
from tests.integrations.guards import NOW

FILES = ["README.md", "__init__.py", "adapter.py", "answers.py", "manifest.py", "mapping.py"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project that has a registry and nothing else."""
    (tmp_path / "integrations/adapters").mkdir(parents=True)
    (tmp_path / "tests/integrations/adapters").mkdir(parents=True)
    shutil.copy(Path(settings.BASE_DIR) / "integrations/registry.py", tmp_path / "integrations")
    return tmp_path


@pytest.fixture
def laid_out(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Path:
    """The adapter `jane_app`, laid out and known to this process until the test ends."""
    call_command("adapter", "jane_app", title="Jane's App", root=root)
    folder = root / "integrations/adapters"
    monkeypatch.setattr(
        integrations.adapters, "__path__", [*integrations.adapters.__path__, str(folder)]
    )
    monkeypatch.setitem(registry.ADAPTERS, "jane_app", "integrations.adapters.jane_app")
    invalidate_caches()
    yield root
    for name in [name for name in sys.modules if "jane_app" in name]:
        del sys.modules[name]


def test_it_lays_out_a_folder_a_test_and_a_line(root: Path, capsys: Any) -> None:
    before = (root / "integrations/registry.py").read_text().splitlines()
    call_command("adapter", "jane_app", root=root)
    folder = root / "integrations/adapters/jane_app"
    assert sorted(each.name for each in folder.iterdir()) == FILES
    assert (root / "tests/integrations/adapters/test_jane_app.py").exists()
    after = (root / "integrations/registry.py").read_text().splitlines()
    assert [line for line in after if line not in before] == [
        '    "jane_app": "integrations.adapters.jane_app",'
    ]
    assert len(after) == len(before) + 1
    told = capsys.readouterr().out
    assert "tests/integrations/contract -k jane_app" in told
    assert "integrations/sandbox/jane_app/" in told


def test_what_is_laid_out_is_in_the_projects_format(laid_out: Path) -> None:
    files = sorted(str(each) for each in laid_out.rglob("*jane_app*/*.py"))
    files += [str(laid_out / "tests/integrations/adapters/test_jane_app.py")]
    ruff = [sys.executable, "-m", "ruff"]
    rules = ["--config", str(Path(settings.BASE_DIR) / "pyproject.toml"), "--no-cache"]
    # The project's own folder decides which imports are its own, and where tests may assert.
    for command in (["format", "--check"], ["check", "--ignore", "I001,S101"]):
        done = subprocess.run(
            [*ruff, *command, *rules, *files], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


def test_it_is_registered_and_says_of_each_rule_what_is_missing(laid_out: Path) -> None:
    manifest = registry.manifest("jane_app")
    assert (manifest.name, manifest.title) == ("jane_app", "Jane's App")
    assert set(manifest.quality) == set(Rule)
    assert {standing.kind for standing in manifest.quality.values()} == {"todo"}
    assert all(standing.reason for standing in manifest.quality.values())
    assert (manifest.abilities, manifest.operations) == (frozenset(), frozenset())


def test_what_is_still_to_be_written_says_so(laid_out: Path) -> None:
    adapter = registry.connect("jane_app", None, "1", {"api_key": "the-key"}, {}, None)  # type: ignore[arg-type]
    for ask in (
        adapter.verify,
        lambda: adapter.page(Feed(resource=Resource.PATIENTS), "", NOW),
        lambda: adapter.submit(None),  # type: ignore[arg-type]
        lambda: adapter.find([], NOW),
    ):
        with pytest.raises(NotImplementedError, match=r"^JaneApp\.\w+: "):
            ask()
    assert "the-key" not in repr(adapter)
    asked = {name for name in dir(Adapter) if not name.startswith("_")}
    assert [name for name in sorted(asked) if not hasattr(adapter, name)] == []


def test_its_errors_are_typed_from_the_beginning(laid_out: Path) -> None:
    answers = import_module("integrations.adapters.jane_app.answers")
    for status, error in ((401, NotAuthorized), (429, Throttled), (503, NoAnswer)):
        with pytest.raises(error, match="Jane's App answered"):
            answers.raise_for_error(Reply(status, {}, {}), NOW)


@pytest.mark.parametrize(
    "name", ["Jane", "j", "1st", "jane-app", "class", "x" * 21, "../jane", "", "jane\n"]
)
def test_a_name_that_cannot_be_one_is_refused_and_nothing_is_written(root: Path, name: str) -> None:
    before = sorted(root.rglob("*"))
    with pytest.raises(CommandError):
        call_command("adapter", name, root=root)
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize("title", ['Jane"', "x" * 31, "Jane\nApp", "Jane$"])
def test_a_title_that_would_break_the_code_is_refused(root: Path, title: str) -> None:
    with pytest.raises(CommandError):
        call_command("adapter", "jane_app", title=title, root=root)
    assert not (root / "integrations/adapters/jane_app").exists()


@pytest.mark.parametrize("name", ["sikka", "cliniko", "jane_app"])
def test_what_there_is_is_never_overwritten(root: Path, name: str) -> None:
    (root / "tests/integrations/adapters/test_jane_app.py").write_text("mine")
    before = (root / "integrations/registry.py").read_text()
    with pytest.raises(CommandError, match="already"):
        call_command("adapter", name, root=root)
    assert (root / "integrations/registry.py").read_text() == before
    assert (root / "tests/integrations/adapters/test_jane_app.py").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("aaa", ["aaa", "cliniko", "sikka"]),
        ("jane", ["cliniko", "jane", "sikka"]),
        ("zzz", ["cliniko", "sikka", "zzz"]),
    ],
)
def test_lines_stay_in_the_order_of_names(name: str, names: list[str]) -> None:
    text = "ADAPTERS = {\n{}}\n"
    lines = [f'    "{each}": "integrations.adapters.{each}",\n' for each in ("cliniko", "sikka")]
    expected = [f'    "{each}": "integrations.adapters.{each}",\n' for each in names]
    registry_before = text.replace("{}", "".join(lines), 1)
    assert with_line(registry_before, name) == text.replace("{}", "".join(expected), 1)


def test_a_registry_in_another_form_is_left_alone() -> None:
    with pytest.raises(CommandError):
        with_line("ADAPTERS = []\n", "jane")
