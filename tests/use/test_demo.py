"""`python -m fastad demo`: it runs, it is right, and it survives what a machine may lack."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fastad import demo, kernels

ROOT = Path(demo.__file__).parents[1]


def run(tmp_path, capsys, *arguments):
    code = demo.main(["--seconds", "0.001", "--folder", str(tmp_path), *arguments])
    return code, capsys.readouterr().out


@pytest.mark.parametrize("start", ["1", "2"])
def test_reaches_certified_digits(tmp_path, capsys, start):
    code, out = run(tmp_path, capsys, "--start", start)
    worst = re.search(r"^worst +([\d.]+) +([\d.]+)$", out, re.M)
    assert code == 0
    assert float(worst[1]) >= 6.0
    assert float(worst[1]) > float(worst[2])  # more than with finite differences


def test_prints_every_parameter_and_the_three_times(tmp_path, capsys):
    _, out = run(tmp_path, capsys)
    assert len(re.findall(r"^b[1-7] ", out, re.M)) == 7
    assert len(re.findall(r" us +[\d.]+ x$", out, re.M)) == 3
    assert "1.5324382854e+00" in out  # the certified sum of squares


def test_writes_a_picture(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    _, out = run(tmp_path, capsys)
    assert (tmp_path / demo.PICTURE).read_bytes().startswith(b"\x89PNG")
    assert str(tmp_path / demo.PICTURE) in out


def test_without_matplotlib(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code, out = run(tmp_path, capsys)
    assert code == 0
    assert "matplotlib is not installed" in out
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_to(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    code, out = run(tmp_path / "missing", capsys)
    assert code == 0
    assert "No plot was written" in out


def test_says_that_kernels_are_compiled(capsys, monkeypatch):
    monkeypatch.setattr(kernels, "missing", lambda: ["run", "share_run"])
    demo.prepare()
    assert "2 kernels are compiled now" in capsys.readouterr().out


def test_bad_arguments():
    with pytest.raises(SystemExit) as exit:
        demo.main(["--start", "3"])
    assert exit.value.code == 2


def test_a_bad_fit_is_a_failure(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo, "ENOUGH_DIGITS", 12)
    assert run(tmp_path, capsys)[0] == 1


def test_agreeing_digits():
    certified = np.array([1.0, -200.0, 3.0])
    found = np.array([1.0, -200.2, -5.0])
    assert demo.agreeing_digits(found, certified) == pytest.approx([11.0, 3.0, 0.0])


def test_as_a_module(tmp_path):
    command = [sys.executable, "-m", "fastad", "demo", "--seconds", "0.001", "--folder", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "digits" in done.stdout
