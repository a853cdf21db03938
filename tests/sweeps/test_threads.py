"""Threads that help with large groups: results to the bit, whoever takes part and whenever they come.

Chunks are made short where a race is provoked, because then groups begin and end all the time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import fastad as ad
from fastad import fused_packing, kernels, threads
from fastad.kernels import layout as at
from fastad.threads import settings

SHORT = 512


@pytest.fixture(autouse=True)
def restored():
    """Settings as they were; audits would run the function in plain NumPy."""
    count, audit = settings.threads, settings.audit
    settings.audit = "never"
    yield
    settings.threads, settings.audit = count, audit


@pytest.fixture
def short_chunks(monkeypatch):
    monkeypatch.setattr(fused_packing, "CHUNK", SHORT)


def gradient(tape, x, count):
    settings.threads = count
    return tape.gradient(x)[:2]


def assert_same(found, expected):
    assert found[0] == expected[0]
    np.testing.assert_array_equal(found[1], expected[1])


FUNCTIONS = {
    "one pass": lambda x: np.mean(np.sin(x) * x),
    "two passes": lambda x: np.sqrt(np.sum(np.exp(-x) * x) ** 2 + 1.0) * np.sum(x),
    "neighbours": lambda x: np.sum((x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2),
    "second differences": lambda x: np.sum(np.tanh(x[2:] - 2.0 * x[1:-1] + x[:-2]) * x[5]),
    "far neighbours": lambda x: np.sum(x[8000:] * np.cos(x[:-8000])) + np.sum(x[9000:] * x[:-9000]),
    "out of order": lambda x: np.sum(np.sin(x[::-1]) * x) + np.sum(x[::3] ** 3),
    "escaping": lambda x: (lambda y: np.sum(y[1:] * y[:-1]) + y[7] * np.sum(y))(np.tanh(x)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("n", [65536 + 3, 300001])
def test_results_do_not_depend_on_the_number_of_threads(name, n):
    x = np.random.default_rng(n).uniform(-1.0, 1.0, n)
    tape = ad.record(FUNCTIONS[name], x)
    expected = gradient(tape, x, 1)
    plain = tape.adjoint(x, np.ones(1))
    np.testing.assert_allclose(expected[1], plain, rtol=1e-11, atol=1e-11 * np.max(np.abs(plain)))
    for count in (2, 3, 2, 5):
        for _ in range(5):
            assert_same(gradient(tape, x, count), expected)
        assert tape.evaluate(x)[0][0] == expected[0]


def test_a_million_numbers():
    x = np.random.default_rng(0).uniform(-1.0, 1.0, 10**6)
    made = ad.value_and_grad(FUNCTIONS["neighbours"])
    settings.threads = 1
    expected = made(x)
    for settings.threads in (2, 3):
        for _ in range(4):
            assert_same(made(x), expected)


def test_the_setting_may_change_between_calls():
    """Workspaces made for fewer threads have no registers for more; less than one counts as one."""
    x = np.random.default_rng(1).uniform(-1.0, 1.0, 150000)
    made = ad.value_and_grad(FUNCTIONS["two passes"])
    settings.threads = 1
    expected = made(x)
    for settings.threads in (1, 2, 8, 0, -3, 4, 1, 3):
        for _ in range(6):
            assert_same(made(x), expected)


@pytest.mark.usefixtures("short_chunks")
def test_groups_of_many_lengths_in_a_row():
    """A helper that comes late for one group takes no chunk of the next, which has more of them."""
    x = np.linspace(-1.0, 1.5, 14 * SHORT)

    def f(x):
        return sum(np.sum(np.tanh(x[: k * SHORT + k])) * np.sum(x[:3]) for k in range(4, 12))

    tape = ad.record(f, x)
    expected = gradient(tape, x, 1)
    for _ in range(2000):
        assert_same(gradient(tape, x, 2), expected)


@pytest.mark.usefixtures("short_chunks")
def test_helpers_that_come_before_the_call():
    """The control words of a fresh workspace are not written yet when they look for the first time."""
    weights = np.linspace(-1.0, 2.0, 60 * SHORT)
    x = np.array([0.3, 0.4])
    tape = ad.record(lambda x: np.sum(np.tanh(x[0] * weights) * weights) + np.tanh(np.sum(x[1] * weights)), x)
    expected = gradient(tape, x, 1)
    settings.threads = 2
    schedule, called, box = tape.schedule, threading.Semaphore(0), []
    code, size = schedule.code_for(at.GRADIENT), schedule.workspace_size(at.GRADIENT, 1)
    kernels.assist.load()

    def help_early():
        while called.acquire() and box:
            kernels.assist.dispatcher(code, box[0], 1)

    helper = threading.Thread(target=help_early)
    helper.start()
    for k in range(8000):
        work, out = schedule.new_workspace(size), np.empty(2)
        work[-1 - at.CONTROL : -1].view(np.int64)[at.HELPERS] = 1
        box[:] = [work]
        called.release()
        time.sleep(1e-5 * (k % 8))
        value = kernels.run.dispatcher(at.GRADIENT, 1, code, work, x, out)
        if value != expected[0] or not np.array_equal(out, expected[1]):
            break
    box.clear()
    called.release()
    helper.join()
    assert_same((value, out), expected)


def test_helpers_have_one_call_to_look_at():
    """Calls that a busy helper has not looked at are dropped: no queue that grows with every call."""
    x = np.linspace(0.0, 1.0, 70000)
    made = ad.value_and_grad(FUNCTIONS["one pass"])
    settings.threads = 2
    for _ in range(300):
        made(x)
    assert all(calls.qsize() <= 1 for calls in threads.pool.calls)


@pytest.mark.usefixtures("short_chunks")
def test_many_threads_call_one_function():
    """Each with a point of its own, while helpers go from one to the other."""
    points = np.random.default_rng(2).uniform(-1.0, 1.0, (6, 20 * SHORT + 3))
    made, failures = ad.value_and_grad(FUNCTIONS["escaping"]), []
    settings.threads = 1
    expected = [made(x) for x in points]
    settings.threads = 3

    def work(number):
        for _ in range(200):
            value, found = made(points[number])
            if value != expected[number][0] or not np.array_equal(found, expected[number][1]):
                failures.append(number)

    callers = [threading.Thread(target=work, args=(number,)) for number in range(len(points))]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not failures


PROGRAM = """
import os, sys, threading
import numpy as np
import fastad as ad
from fastad.threads import settings

made = ad.value_and_grad(lambda x: np.sum(np.sin(x) * np.exp(x)))
x = np.linspace(0.0, 1.0, 200000)
value, gradient = made(x)
{then}
print(settings.threads, sum(t.name.startswith("fastad-") for t in threading.enumerate()), value)
"""
FORK = """
for _ in range(3):
    child = os.fork()
    if child == 0:
        for _ in range(5):
            again, same = made(x)
        os._exit(0 if again == value and np.array_equal(same, gradient) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert made(x)[0] == value
"""


def run(count, then=""):
    """Threads and value that a fresh process reports."""
    environment = {**os.environ, "FASTAD_THREADS": count, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(then=then)], env=environment, capture_output=True,
                          text=True, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_environment_says_how_many():
    """One thread starts no helper; the value is the same to the bit."""
    alone, helped, default = run("1"), run("3"), run("")
    assert alone[:2] == ["1", "0"] and helped[:2] == ["3", "2"]
    assert default[0] == str(threads.available())
    assert alone[2] == helped[2] == default[2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_fork_after_helpers_have_started():
    assert run("3", FORK)[:2] == ["3", "2"]
