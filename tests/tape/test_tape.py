"""The public tape: shapes, errors, guards, copies."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest

import fastad as ad
from fastad.errors import BranchChanged, InvalidTape, ShapeMismatch, StaleValue, StructureMismatch, UnsupportedDtype

HERE = Path(__file__).name


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def pair(p, q):
    """Two arguments, containers in and out."""
    return {"product": p["a"] * p["b"][0], "rest": [q - p["b"], 3.0]}


P, Q = {"a": 2.0, "b": np.array([3.0, 5.0])}, np.array([1.0, 4.0])


# --- shapes -------------------------------------------------------------------------------------------
def test_one_direction_is_a_vector_and_several_are_rows():
    tape = ad.record(lambda x: np.array([x[0] * x[1], x[1] * x[2]]), np.array([2.0, 3.0, 5.0]))
    x = np.array([2.0, 3.0, 5.0])
    jacobian = np.array([[3.0, 2.0, 0.0], [0.0, 5.0, 3.0]])
    np.testing.assert_array_equal(tape.tangent(x, np.eye(3)), jacobian.T)
    np.testing.assert_array_equal(tape.adjoint(x, np.eye(2)), jacobian)
    for k in (1, 2, 16, 17, 40):
        seeds, weights = np.ones((k, 3)), np.ones((k, 2))
        assert tape.tangent(x, seeds).shape == (k, 2)
        assert tape.adjoint(x, weights).shape == (k, 3)
    assert tape.tangent(x, [1.0, 0.0, 0.0]).shape == (2,)
    assert tape.adjoint(x, weights=[1, 0]).tolist() == [3.0, 2.0, 0.0]
    assert tape.tangent(x, np.empty((0, 3))).shape == (0, 2)


def test_containers_are_flattened_in_order():
    tape = ad.record(pair, P, Q)
    assert (tape.inputs, tape.outputs) == (5, 4)
    result = tape.primal({"a": 1.0, "b": np.array([2.0, 3.0])}, np.array([10.0, 20.0]))
    assert list(result) == ["product", "rest"] and result["product"] == 2.0
    assert type(result["product"]) is float and result["rest"][1] == 3.0
    assert result["rest"][0].tolist() == [8.0, 17.0]
    assert tape.tangent(P, Q, seeds=[1.0, 0.0, 0.0, 0.0, 0.0]).tolist() == [3.0, 0.0, 0.0, 0.0]
    assert tape.adjoint(P, Q, [1.0, 1.0, 0.0, 1.0]).tolist() == [3.0, 1.0, 0.0, 1.0, 0.0]


def test_no_outputs_and_no_inputs():
    tape = ad.record(lambda x: [], 1.0)
    assert tape.primal(2.0) == []
    assert tape.tangent(2.0, [1.0]).shape == (0,) and tape.adjoint(2.0, np.empty(0)).tolist() == [0.0]
    tape = ad.record(lambda: 2.0)
    assert tape.primal() == 2.0 and tape.adjoint(weights=[1.0]).shape == (0,)
    tape = ad.record(lambda x: np.sum(x), np.empty((0, 3)))
    assert tape.primal(np.empty((0, 3))) == 0.0


def test_inputs_and_directions_are_not_written_to():
    x, seeds, weights = np.linspace(0.0, 1.0, 5), np.ones((2, 5)), np.ones(1)
    tape = ad.record(rosenbrock, x)
    kept = x.copy(), seeds.copy(), weights.copy()
    for array in (x, seeds, weights):
        array.setflags(write=False)
    tape.primal(x), tape.tangent(x, seeds), tape.adjoint(x, weights)
    for array, before in zip((x, seeds, weights), kept, strict=True):
        np.testing.assert_array_equal(array, before)


def test_results_are_the_caller_s_own():
    """A later call does not change an earlier result, and writing into a result changes no later one."""
    x = np.linspace(0.0, 1.0, 5)
    tape = ad.record(lambda x: x * 2.0, x)
    first = tape.primal(x)
    first[:] = 99.0
    again = tape.primal(x)
    tape.primal(x + 1.0)
    np.testing.assert_array_equal(again, 2.0 * x)


# --- errors -------------------------------------------------------------------------------------------
WRONG = np.ones
SHAPE_ERRORS = {
    "fewer numbers": (ShapeMismatch, r"\(4,\).*\(5,\)", lambda t: t.primal(WRONG(4))),
    "more axes": (ShapeMismatch, r"\(5, 1\)", lambda t: t.primal(WRONG((5, 1)))),
    "a number": (ShapeMismatch, "argument 0", lambda t: t.primal(1.0)),
    "a list": (ShapeMismatch, "argument 0", lambda t: t.primal([1.0] * 4)),
    "no arguments": (StructureMismatch, "1 arguments, not 0", lambda t: t.primal()),
    "two arguments": (StructureMismatch, "1 arguments, not 2", lambda t: t.primal(WRONG(5), 1.0)),
    "short seed": (ShapeMismatch, r"\(4,\), but \(5,\) or \(k, 5\)", lambda t: t.tangent(WRONG(5), WRONG(4))),
    "flat seeds": (ShapeMismatch, r"seeds have shape \(10,\)", lambda t: t.tangent(WRONG(5), WRONG(10))),
    "transposed seeds": (ShapeMismatch, r"\(5, 2\)", lambda t: t.tangent(WRONG(5), WRONG((5, 2)))),
    "scalar weight": (ShapeMismatch, r"weights have shape \(\)", lambda t: t.adjoint(WRONG(5), 1.0)),
    "three axes": (ShapeMismatch, r"\(1, 1, 1\)", lambda t: t.adjoint(WRONG(5), WRONG((1, 1, 1)))),
    "seeds at a wrong point": (ShapeMismatch, r"\(3,\)", lambda t: t.tangent(WRONG(3), WRONG(5))),
    "complex point": (UnsupportedDtype, "complex128", lambda t: t.primal(WRONG(5) * 1j)),
    "object point": (UnsupportedDtype, "object", lambda t: t.primal(WRONG(5).astype(object))),
    "text": (UnsupportedDtype, "str", lambda t: t.primal("x")),
    "None": (StructureMismatch, "argument 0 is None", lambda t: t.primal(None)),
    "complex seeds": (UnsupportedDtype, "seeds of dtype complex128", lambda t: t.tangent(WRONG(5), WRONG(5) * 1j)),
    "text seeds": (UnsupportedDtype, "seeds of dtype <U5", lambda t: t.tangent(WRONG(5), "abcde")),
    "ragged seeds": (ShapeMismatch, "different lengths", lambda t: t.tangent(WRONG(5), [[1.0], [1.0, 2.0]])),
}


@pytest.mark.parametrize("name", SHAPE_ERRORS)
def test_wrong_arguments(name):
    error, message, call = SHAPE_ERRORS[name]
    with pytest.raises(error, match=message):
        call(ad.record(rosenbrock, np.zeros(5)))


def test_static_arguments_must_be_the_recorded_ones():
    tape = ad.record(lambda x, n, name: x**n, 2.0, 3, "cube")
    assert tape.primal(3.0, 3, "cube") == 27.0
    for wrong in ((3.0, 4, "cube"), (3.0, 3, "other"), (3.0, 3.0, "cube"), (3.0, True, "cube"), (3.0, None, "cube")):
        with pytest.raises(StructureMismatch, match=r"argument [12] is .*static"):
            tape.primal(*wrong)


def test_containers_are_matched_by_their_keys():
    """Entries of a dict may come in any order; other keys and lengths are errors, never other numbers."""
    tape = ad.record(lambda p: p["a"] - p["b"][0], {"a": 5.0, "b": (3.0, np.zeros(2))})
    assert tape.primal({"b": (1.0, np.zeros(2)), "a": 3.0}) == 2.0
    assert tape.primal({"a": 3.0, "b": [1.0, [0, 0]]}) == 2.0
    part = np.zeros(2)
    for wrong in ({"a": 1.0, "c": (1.0, part)}, {"a": 1.0}, {"a": 1.0, "b": (1.0,)}, {"a": 1.0, "b": {0: 1.0, 1: part}},
                  {"a": 1.0, "b": (1.0, part), "c": 1.0}, [1.0, (1.0, part)], 1.0):  # fmt: skip
        with pytest.raises(StructureMismatch, match="argument 0"):
            tape.primal(wrong)
    with pytest.raises(ShapeMismatch, match=r"argument 0\['b'\]\[1\] has shape \(3,\), but shape \(2,\) is needed"):
        tape.primal({"a": 1.0, "b": (1.0, np.zeros(3))})


def test_integers_and_narrow_floats_are_numbers():
    tape = ad.record(rosenbrock, np.zeros(5))
    x = np.arange(5)
    for kind in (np.int32, np.uint8, np.float32, np.float16, ">f8", np.int64):
        assert tape.primal(x.astype(kind)) == rosenbrock(x.astype(float))
    assert ad.record(lambda x: x * x, 2.0).primal(3) == 9.0


def test_odd_memory_layouts():
    x = np.arange(30.0).reshape(5, 6)
    tape = ad.record(lambda x: np.sum(x * np.arange(30.0).reshape(5, 6)), x)
    wide = np.zeros((10, 12))
    wide[::2, ::2] = x
    for same in (np.asfortranarray(x), wide[::2, ::2], x[::-1][::-1], x.astype(">f8")):
        assert tape.primal(same) == np.sum(x * x)


# --- guards -------------------------------------------------------------------------------------------
def branches(x):
    if x[0] > x[1]:  # the line that messages name
        return x[0] * 2.0
    return x[1] * 3.0


def test_a_flip_names_line_and_operands():
    tape = ad.record(branches, np.array([2.0, 1.0]))
    assert tape.primal(np.array([5.0, 4.0])) == 10.0
    line = branches.__code__.co_firstlineno + 1
    calls = (lambda x: tape.primal(x), lambda x: tape.tangent(x, [1.0, 0.0]), lambda x: tape.adjoint(x, [1.0]))
    for call in calls:
        with pytest.raises(BranchChanged) as error:
            call(np.array([0.25, 0.75]))
        for part in ("flip", f"{HERE}:{line}", "0.25 > 0.75", "recorded"):
            assert part in str(error.value)


def test_a_tie_is_called_so():
    tape = ad.record(branches, np.array([2.0, 1.0]))
    with pytest.raises(BranchChanged, match=r"tie.*1\.5 > 1\.5"):
        tape.primal(np.array([1.5, 1.5]))
    assert (tape.stats()["ties"], tape.stats()["flips"]) == (1, 0)


def test_nan_fails_a_guard():
    tape = ad.record(branches, np.array([2.0, 1.0]))
    with pytest.raises(BranchChanged, match="flip"):
        tape.primal(np.array([np.nan, 1.0]))


def test_guards_of_every_kind_name_their_line():
    """while, max, int, argmax, sorted, a mask: all look at values."""

    def halved(x):
        while x > 1.0:
            x = x / 2.0
        return x

    def largest(x):
        return max(x[0], x[1])

    def indexed(x):
        return x[int(x[2])] * 2.0

    def best(x):
        return x[np.argmax(x)] * 2.0

    def masked(x):
        return np.sum(x[x > 0.5])

    def ordered(x):
        return sorted([x[0], x[1], x[2]])[0] * 1.5

    cases = [
        (halved, 7.0, 3.0), (largest, [2.0, 1.0], [1.0, 2.0]), (indexed, [5.0, 6.0, 1.0], [5.0, 6.0, 0.0]),
        (best, [1.0, 3.0], [3.0, 1.0]), (masked, [1.0, 0.0], [0.0, 1.0]),
        (ordered, [1.0, 2.0, 3.0], [3.0, 2.0, 1.0]),
    ]  # fmt: skip
    for f, recorded, other in cases:
        recorded, other = (np.array(p) if isinstance(p, list) else p for p in (recorded, other))
        tape = ad.record(f, recorded)
        np.testing.assert_array_equal(tape.primal(recorded), f(recorded))
        with pytest.raises(BranchChanged, match=rf"{HERE}:\d+") as error:
            tape.primal(other)
        line = int(str(error.value).split(HERE + ":")[1].split()[0])
        assert f.__code__.co_firstlineno <= line <= f.__code__.co_firstlineno + 3, f.__name__


def test_choices_that_are_no_branches_need_no_guard():
    def f(x):
        y = np.where(x > 0.0, x, -x)
        y[x > 2.0] = 0.0
        return np.sum(np.maximum(y, 0.5)) + np.max(x) + np.sum(np.abs(x)) + np.sum(np.clip(x, 0.0, 1.0))

    tape = ad.record(f, np.array([1.0, -2.0, 3.0]))
    assert not tape.program.guards
    for x in (np.array([-1.0, 5.0, 0.25]), np.array([3.0, 3.0, 3.0])):
        assert tape.primal(x) == f(x)


# --- other views of a tape ----------------------------------------------------------------------------
def test_stats_count():
    tape = ad.record(lambda x: np.sum(np.sin(x) * 2.0) if x[0] > 0 else 0.0, np.ones(100))
    stats = tape.stats()
    assert (stats["inputs"], stats["outputs"], stats["constants"], stats["guards"]) == (100, 1, 2, 1)
    assert (stats["scalar instructions"], stats["block instructions"]) == (1, 3)
    assert stats["slots"] == 100 + 2 + 1 + 201
    # The sine and its double have no slots: nobody but the sum reads them.
    assert stats["bytes"]["values"] == 8 * (stats["slots"] - 200) and min(stats["bytes"].values()) >= 0
    assert tape.instructions == 4
    assert "100 inputs, 4 instructions, 1 outputs" in repr(tape)


def test_copies_and_pickles_are_the_tape():
    tape = ad.record(pair, P, Q)
    for other in (pickle.loads(pickle.dumps(tape)), copy.deepcopy(tape), copy.copy(tape)):
        other.check()
        assert str(other.primal(P, Q)) == str(tape.primal(P, Q))
        np.testing.assert_array_equal(other.adjoint(P, Q, np.eye(4)), tape.adjoint(P, Q, np.eye(4)))


def test_a_traced_value_is_no_good_after_its_recording():
    kept = []
    ad.record(lambda x: kept.append(x) or x * 2.0, 2.0)
    ad.record(lambda x: kept.append(x) or x * 2.0, np.ones(3))
    number, array = kept[0], kept[-1]
    uses = [
        lambda: number + 1.0, lambda: np.sin(number), lambda: number > 0.0, lambda: array * 2.0, lambda: np.sum(array),
        lambda: array @ array, lambda: ad.record(lambda x: x * number, 1.0),
    ]  # fmt: skip
    for use in uses:
        with pytest.raises(StaleValue):
            use()


def test_tapes_are_checked_by_hand_too():
    tape = ad.record(rosenbrock, np.zeros(5))
    tape.check()
    with pytest.raises(InvalidTape):
        ad.Tape(tape.program, tape.in_structure, ("array", (7,))).check()
