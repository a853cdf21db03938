"""Saved tapes come back whole; damaged ones are refused and never run."""

from __future__ import annotations

import collections
import io
import json
import math
import zipfile

import numpy as np
import pytest

import fastad as ad
from fastad.errors import InvalidTape, UnsupportedDtype

POINT = np.linspace(0.5, 1.5, 20)


def everything(x, options=None):
    """Every kind of instruction and address, a guard, constants with odd values."""
    y = x[::-1] * x if x[0] > 0.25 else x
    z = np.sin(y)[np.arange(40) % 7].reshape(5, 8)
    w = ad.grad(lambda x: np.sum(x[np.arange(30) % 4] ** 2))(x[:4])
    return {"a": z @ z.T, "b": (np.sum(z, axis=0), x[0] * math.sin(x[1]), -0.0, np.inf, w)}


def saved(tmp_path, f=everything, *args):
    tape = ad.record(f, *(args or (POINT,)))
    path = tmp_path / "a.tape"
    tape.save(path)
    return tape, path


def same(a, b) -> bool:
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, tuple | list):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return np.array_equal(a, b, equal_nan=True) and np.array_equal(np.signbit(a), np.signbit(b))


def test_a_tape_comes_back_to_the_bit(tmp_path):
    tape, path = saved(tmp_path)
    assert path.exists(), "no suffix is added"
    back = ad.Tape.load(path)
    back.check()
    for x in (POINT, POINT + 0.3):
        assert same(back.primal(x), tape.primal(x))
        weights = np.eye(tape.outputs)
        np.testing.assert_array_equal(back.adjoint(x, weights), tape.adjoint(x, weights))
        np.testing.assert_array_equal(back.tangent(x, np.eye(20)), tape.tangent(x, np.eye(20)))
    assert back.program.guards == tape.program.guards
    with pytest.raises(ad.errors.BranchChanged, match=r"test_files\.py"):
        back.primal(-POINT)
    assert back.stats()["slots"] == tape.stats()["slots"]


def test_saving_twice_gives_the_same_tape(tmp_path):
    _, path = saved(tmp_path)
    ad.Tape.load(path).save(tmp_path / "b.tape")
    with np.load(path) as a, np.load(tmp_path / "b.tape") as b:
        assert set(a.files) == set(b.files)
        assert all(np.array_equal(a[name], b[name], equal_nan=a[name].dtype == float) for name in a.files)


def test_nothing_is_pickled(tmp_path):
    _, path = saved(tmp_path)
    with np.load(path, allow_pickle=False) as archive:
        assert all(archive[name].dtype != object for name in archive.files)


def test_static_arguments_of_the_simple_kinds(tmp_path):
    def f(x, n, name, flag, nothing, options):
        return x * n + options["scale"] if flag and nothing is None and name == "sum" else x

    options = {"scale": 2.0, "labels": ["a", "b"], "k": 3, 7: "seven", None: True}
    args = (1.5, 3, "sum", True, None, options)
    tape, path = saved(tmp_path, f, *args)
    back = ad.Tape.load(path)
    assert back.primal(2.0, *args[1:]) == tape.primal(2.0, *args[1:]) == 8.0
    assert back.in_structure == tape.in_structure
    with pytest.raises(ad.errors.StructureMismatch):
        back.primal(2.0, 4, *args[2:])
    assert [type(part[2]) for part in back.in_structure[1][2:5]] == [int, str, bool]


Point = collections.namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("argument", "named"),
    [(np.arange(3), "ndarray"), (object(), "object"), (Point(1.0, 2.0), "Point"), (np.int64(3), "int64"),
     (b"x", "bytes"), (print, "builtin"), ({"k": {1, 2}}, "set"), ({(1, 2): 1.0}, "tuple"),
     (collections.OrderedDict(a=1.0), "OrderedDict")],
)  # fmt: skip
def test_other_static_arguments_are_refused_by_name(tmp_path, argument, named):
    tape = ad.record(lambda x, argument: x * 2.0, 1.0, argument)
    with pytest.raises(UnsupportedDtype, match=named):
        tape.save(tmp_path / "a.tape")
    assert not (tmp_path / "a.tape").exists()


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        ad.Tape.load(tmp_path / "none")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no tape", bytes(200), b"\x93NUMPY" + bytes(30), b"PK" * 100])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(InvalidTape, match="x"):
        ad.Tape.load(path)


def test_other_archives_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.ones(3))
    with pytest.raises(InvalidTape, match="arrays of a tape"):
        ad.Tape.load(tmp_path / "x.npz")
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as archive:
        archive.writestr("description.npy", "no array")
    with pytest.raises(InvalidTape):
        ad.Tape.load(tmp_path / "y.zip")


def test_objects_in_an_archive_are_not_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    _, path = saved(tmp_path)
    with np.load(path) as archive:
        columns = dict(archive)
    columns["opcode"] = np.array([Trap()], object)
    with open(path, "wb") as file:
        np.savez(file, **columns)
    with pytest.raises(InvalidTape):
        ad.Tape.load(path)


def test_truncated_files_are_refused(tmp_path):
    _, path = saved(tmp_path)
    content = path.read_bytes()
    for length in [*range(0, len(content), max(1, len(content) // 60)), len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(InvalidTape):
            ad.Tape.load(path)


def test_flipped_bytes_are_refused_or_harmless(tmp_path):
    """Where the archive's own check sums do not notice, nothing that is read has changed."""
    tape, path = saved(tmp_path)
    content, value = path.read_bytes(), tape.primal(POINT)
    draw = np.random.default_rng(0)
    refused = 0
    for _ in range(200):
        damaged = bytearray(content)
        for at in draw.integers(0, len(content), int(draw.integers(1, 4))):
            damaged[at] ^= int(draw.integers(1, 256))
        path.write_bytes(bytes(damaged))
        try:
            back = ad.Tape.load(path)
        except InvalidTape:
            refused += 1
        else:
            assert same(back.primal(POINT), value)
    assert refused > 100


def rewritten(path, change):
    """The file with its arrays changed and its check sums right."""
    with np.load(path) as archive:
        columns = dict(archive)
    change(columns)
    buffer = io.BytesIO()
    np.savez(buffer, **columns)
    path.write_bytes(buffer.getvalue())


def test_forged_columns_are_refused_or_run_safely(tmp_path):
    """With check sums that fit, only the tape's own invariants stand between the file and the kernels."""
    _, path = saved(tmp_path)
    content = path.read_bytes()
    draw = np.random.default_rng(1)
    refused = 0
    for _ in range(200):
        path.write_bytes(content)

        def change(columns):
            name = draw.choice([name for name in columns if columns[name].size])
            flat = columns[name].view(np.uint8)
            flat[draw.integers(flat.size)] ^= np.uint8(1 << draw.integers(8))

        rewritten(path, change)
        try:
            back = ad.Tape.load(path)
        except InvalidTape:
            refused += 1
        else:
            x = np.zeros(back.inputs)
            back.evaluate(x), back.program.check()
            with back.linearized(x, 4, 1) as point:
                assert point.sweep(4, np.ones((1, back.outputs))).shape == (1, back.inputs)
    assert refused > 20


FORGERIES = {
    "version": lambda d: d.update(version=2),
    "format": lambda d: d.update(format="other"),
    "no segments": lambda d: d.pop("segments"),
    "inputs": lambda d: d.update(inputs=21),
    "negative inputs": lambda d: d.update(inputs=-1),
    "inputs as text": lambda d: d.update(inputs="20"),
    "inputs as truth": lambda d: d.update(inputs=True),
    "huge inputs": lambda d: d.update(inputs=1 << 40),
    "segments": lambda d: d["segments"].reverse(),
    "segment kind": lambda d: d["segments"][0].__setitem__(0, "loop"),
    "segment words": lambda d: d["segments"][0].append(1),
    "block length": lambda d: next(s for s in d["segments"] if s[0] == "block").__setitem__(3, 1 << 30),
    "operand": lambda d: next(s for s in d["segments"] if s[0] == "block")[4][0].__setitem__(0, 1 << 30),
    "operand stride": lambda d: next(s for s in d["segments"] if s[0] == "block")[4][0].__setitem__(3, 1.5),
    "operand table": lambda d: next(s for s in d["segments"] if s[0] == "block")[4][0].__setitem__(5, 1 << 30),
    "result": lambda d: d.update(result=["float"]),
    "structure kind": lambda d: d.update(result=["complex"]),
    "deep structure": lambda d: d.update(result=eval("[" * 40 + "]" * 40)),
    "static of another kind": lambda d: d.update(result=["static", [1]]),
    "dict without keys": lambda d: d.update(result=["dict", [], ["float"]]),
    "guards": lambda d: d.update(guards=[]),
    "guard line": lambda d: d.update(guards=[3]),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_descriptions_are_refused(tmp_path, name):
    _, path = saved(tmp_path)

    def change(columns):
        description = json.loads(columns["description"].tobytes())
        FORGERIES[name](description)
        columns["description"] = np.frombuffer(json.dumps(description).encode(), np.uint8)

    rewritten(path, change)
    with pytest.raises(InvalidTape, match=r"a\.tape"):
        ad.Tape.load(path)


def test_a_newer_version_is_named(tmp_path):
    _, path = saved(tmp_path)

    def change(columns):
        text = columns["description"].tobytes().replace(b'"version": 1', b'"version": 7')
        columns["description"] = np.frombuffer(text, np.uint8)

    rewritten(path, change)
    with pytest.raises(InvalidTape, match="version 7, and this fastad reads version 1"):
        ad.Tape.load(path)
