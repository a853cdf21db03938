"""What the README and the docs say is true: their code runs, their links lead somewhere, their tables are fresh."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastad as ad
from fastad import _docs

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "bench" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.S | re.M)
COMMAND = re.compile(r"<!-- command: (\w+) -->\n```sh\n(.*?)\n```")
PYTHON_PAGES = [page for page in PAGES if "```python" in page.read_text()]


def name(page):
    return str(page.relative_to(ROOT))


def blocks(page, language):
    """(line, text) of the code blocks of a page in a language."""
    text = page.read_text()
    return [(text.count("\n", 0, m.start()) + 1, m[2]) for m in BLOCK.finditer(text) if m[1] == language]


# --- code -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("page", PYTHON_PAGES, ids=name)
def test_python_code_runs(page, tmp_path, monkeypatch, capsys):
    """Blocks with prompts are doctests, others run as they are; a page shares its names."""
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for line, text in blocks(page, "python"):
        if ">>>" in text:
            test = doctest.DocTestParser().get_doctest(text, names, name(page), name(page), line)
            result = runner.run(test, clear_globs=False)
            names.update(test.globs)
            assert result.failed == 0, capsys.readouterr().out
        else:
            exec(compile("\n" * line + text, name(page), "exec"), names)


def test_the_graph_in_the_tutorial_is_the_tapes():
    tape = ad.record(lambda x: np.log(x[0]) + x[0] * x[1] - np.sin(x[1]), np.array([2.0, 5.0]))
    [(_, shown)] = blocks(ROOT / "docs" / "tutorial.md", "mermaid")
    assert shown.strip() == tape.graph().to_mermaid().strip()


# --- links ------------------------------------------------------------------------------------------
def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.S | re.M), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    text = re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.S | re.M))
    for target in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", text):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{name(page)} links to {target}"
        assert not anchor or anchor in anchors(file), f"{name(page)} links to {target}"


def test_every_page_is_linked_from_the_readme():
    linked = set(re.findall(r"\]\((docs/[^)#\s]+)\)", (ROOT / "README.md").read_text()))
    assert linked == {name(page) for page in PAGES if page.parts[len(ROOT.parts)] == "docs"}


# --- what is generated ------------------------------------------------------------------------------
def test_generated_pages_are_fresh(capsys):
    assert _docs.main(["--check"]) == 0, capsys.readouterr().out


def test_a_stale_page_is_found_and_rewritten(tmp_path, monkeypatch, capsys):
    for page in _docs.pages():
        copy = tmp_path / page.relative_to(_docs.FOLDER)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(page.read_text())
    monkeypatch.setattr(_docs, "FOLDER", tmp_path)
    edited = tmp_path / "explanation" / "nonsmooth.md"
    edited.write_text(edited.read_text().replace("abs'(0) = 0", "abs'(0) = 1", 2))
    assert _docs.main(["--check"]) == 1
    assert "STALE: nonsmooth.md" in capsys.readouterr().out
    assert _docs.main([]) == 0 and _docs.main(["--check"]) == 0


def test_every_operation_with_an_edge_is_in_the_convention():
    text = (ROOT / "docs" / "explanation" / "nonsmooth.md").read_text()
    edged = [op.name for op in _docs.OPS if op.edge and not op.boolean]
    assert edged and all(f"| `{operation}` |" in text for operation in edged)


# --- the README's commands --------------------------------------------------------------------------
def test_two_commands_and_ci_runs_them():
    commands = dict(COMMAND.findall((ROOT / "README.md").read_text()))
    assert set(commands) == {"demo", "test"}
    assert len(blocks(ROOT / "README.md", "sh")) == 2
    listed = subprocess.run(["bash", ROOT / ".ci" / "run", "--list"], capture_output=True, text=True, check=True)
    assert listed.stdout.splitlines() == [commands["test"], commands["demo"]]


def test_the_commands_do_what_they_say():
    commands = dict(COMMAND.findall((ROOT / "README.md").read_text()))
    assert commands["demo"].endswith("-m fastad demo")
    assert commands["test"].endswith("-m pytest")
    for command in commands.values():
        assert command.startswith("python3 -m venv .venv && .venv/bin/python -m pip install ")


def test_the_version_is_in_the_changelog():
    assert f"## {ad.__version__}\n" in (ROOT / "docs" / "changelog.md").read_text()


@pytest.mark.parametrize("program", ["engine"])
def test_bench_programs_start(program):
    command = [sys.executable, "-m", f"bench.{program}", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
