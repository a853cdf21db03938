"""Data movement, creation and attributes of arrays: through every mode, or refused by name and line."""

from __future__ import annotations

import io
import math
from functools import partial
from math import exp as plain_exp

import numpy as np
import pytest
import scipy.ndimage
from numpy import concatenate as plain_concatenate
from numpy.lib import stride_tricks

import fastad as ad
from tests.record.every_mode import check_every_mode

X, Y = np.array([0.7, -1.3, 0.4, 2.1, 0.3, 1.7]), np.array([0.9, 1.3, -0.4, 2.2, 0.6, -1.1])
CAPTURED, INTEGERS = np.ones(6), np.zeros(6, int)


def table(x):
    return x.reshape(2, 3)


@np.vectorize
def branching(a, b):
    return plain_exp(a) * b if a > 0 else b * b


@np.vectorize(otypes=[float], excluded=["p"])
def with_parameter(a, p):
    return math.sin(a) * p[0]


rowwise = np.vectorize(lambda row: row.sum() * np.ones(2) * row[0], signature="(n)->(k)")


def resized(x):
    y = np.zeros(2)
    y[0] = x[0]
    y.resize(4)
    y[3] = x[1] ** 2
    z = x * x
    z.resize((1, 3))
    return y * z[0, 2]


def put(x):
    y = np.zeros(6)
    np.put(y, [0, -1], x[:2] ** 2)
    y.put([2, 3, 4], x[3])
    np.put(y, 9, x[5] * x[0], mode="wrap")
    return y


def flat(x):
    y = np.zeros((2, 3))
    y.flat[1] = x[0] ** 2
    y.T.flat[4] = x[1] * x[0]
    y[:, 1:].flat = x[2:4]
    return y + np.sum([v * v for v in y.T.flat]) + y.T.flat[1:3].sum()


def filled_diagonals(x):
    y, tall = np.zeros((3, 3)), np.zeros((6, 2))
    np.fill_diagonal(y, x[:3] ** 2)
    np.fill_diagonal(tall, x[0], wrap=True)
    return plain_concatenate([y.ravel(), tall.ravel()])


def copied(x):
    y, template = np.zeros(6), np.array(CAPTURED)
    np.copyto(y, x**2, where=[True, False] * 3)
    template[1] = x[0]
    return y * template


def object_array(x):
    y = np.empty(3, dtype=object)
    y[0], y[1], y[2] = x[0], 2.0, x[1] * x[2]
    return np.sum(y * y) * x


def enumerated(x):
    return sum(v * v * place[1] for place, v in np.ndenumerate(table(x))) + x


def shared_memory(x):
    y, z = x.copy(), np.zeros(6)
    windows, pairs = stride_tricks.sliding_window_view(y, 2), stride_tricks.as_strided(y, (2, 2), (32, 8))
    later = stride_tricks.sliding_window_view(z, 3, writeable=True)
    y[0] = x[1] * x[2]
    pairs[1] *= x[3]
    z[:] = x[::-1]
    later[1, 1:] = x[:2] ** 2
    return np.sum(windows**2, axis=1) * later.sum() * np.sum(z * y)


def joined(x):
    return np.r_[x, 0.0, x[0] ** 2, 1:3] + np.append(np.r_["0,2", x, x][1], [1.0, x[2], 2.0, 3.0])


class Model:
    shape = (2, 3)
    activations = staticmethod(lambda t: np.zeros(6) + t)

    def __init__(self):
        self.helper = partial(np.full, 6)

    def __call__(self, x):
        out = np.ones(self.shape)
        out[0] = self.activations(x)[:3] ** 2
        return out.ravel() + self.helper(x[1])


def generators(x):
    squares = (v * v for v in x)
    return np.fromiter(squares, float) + np.array([[v, 1.0][0] for v in x]) + np.array(list(map(math.sin, x)))


def import_inside(x):
    from math import sin

    from numpy import empty

    out = empty(6)
    for i in range(6):
        out[i] = sin(x[i])
    return out


CASES = {
    # moving
    "as_strided": lambda x: stride_tricks.as_strided(x, (3, 2), (8, 8)) ** 2,
    "sliding": lambda x: stride_tricks.sliding_window_view(x, 3) ** 2,
    "sliding of a view": lambda x: stride_tricks.sliding_window_view(table(x)[:, ::-1], 2, axis=1),
    "shared memory": shared_memory,
    "compress": lambda x: np.compress([True, False, True], x) * x.compress([0, 1, 1]),
    "trim_zeros": lambda x: np.trim_zeros(np.concatenate([[0.0], x, [0.0]])) * np.trim_zeros(np.append(0.0, x), "f"),
    "pad": lambda x: np.pad(x, 2) * np.pad(x, 2, constant_values=(x[0], 3.0)),
    "pad edge": lambda x: np.pad(table(x), 1, mode="edge") * np.pad(table(x), ((1, 1), (0, 2)), mode="wrap"),
    "pad mirror": lambda x: np.pad(x, 2, mode="reflect", reflect_type="odd") * np.pad(x, 2, mode="symmetric"),
    "pad statistics": lambda x: np.pad(x, 2, mode="mean") * np.pad(x, 2, "linear_ramp", end_values=x[0]),
    "resize": lambda x: np.resize(x, (3, 4)) ** 2,
    "triangles": lambda x: np.tril(table(x), -1) + np.triu(table(x)) ** 2,
    "triangle indices": lambda x: table(x)[np.tril_indices_from(table(x))] ** 2,
    "diagonals": lambda x: np.diag(x, 1) + np.diag(x**2, -1) + np.diagflat(np.append(x, table(x).diagonal(1)[0])),
    "insert": lambda x: np.insert(table(x), [0, 2], x[:2].reshape(2, 1), axis=1) ** 2,
    "append, delete": lambda x: np.delete(np.append(table(x), [[x[0], 1.0, 2.0]], axis=0), 1, axis=1) ** 2,
    "tile, repeat": lambda x: np.tile(x, (2, 1)) * np.repeat(x, [1, 0, 2, 0, 0, 3]),
    "roll, rot90": lambda x: np.roll(table(x), (1, 1), axis=(0, 1)) * np.rot90(np.rot90(table(x)), axes=(1, 0)),
    "splits": lambda x: np.array_split(x, 4)[0] * np.split(x, [2, 4])[1] * np.hsplit(table(x), 3)[2].ravel(),
    "blocks": lambda x: np.block([[x[:2], x[2]], [1.0, 2.0, x[3] ** 2]]),
    "ix_": lambda x: table(x)[np.ix_([0, 1], [2, 0])] ** 2,
    "broadcasts": lambda x: np.broadcast_arrays(x, np.ones((2, 6)))[0] * np.ones(np.broadcast(x, x).shape) * x,
    "atleast": lambda x: np.atleast_2d(x[0], x)[0] * np.atleast_3d(x),
    "orders": lambda x: np.reshape(x, (2, 3), order="F").ravel() * table(x).ravel("F") * table(x).flatten("F"),
    "named arguments": lambda x: np.flip(m=x) * np.take(a=x, indices=[0]) + np.stack(arrays=[x, x], axis=0)[1],
    "out": lambda x: np.take(x, [0, 1], out=np.zeros(2))[0] * np.concatenate([x, x], out=np.zeros(12)),
    "ravel_multi_index": lambda x: x[np.ravel_multi_index(([0, 1], [2, 1]), (2, 3))] ** 2,
    "axes": lambda x: np.rollaxis(np.moveaxis(x.reshape(1, 2, 3), 0, -1), 1).swapaxes(0, 1).squeeze() ** 2,
    "in place": put,
    "resize in place": resized,
    "flat": flat,
    "diagonals in place": filled_diagonals,
    "copyto": copied,
    # joining and making
    "r_": joined,
    "c_": lambda x: np.c_[x, x**2] * np.c_[x[:1], [[2.0]]],
    "mgrid": lambda x: np.mgrid[0:2, x[0] : x[3] : 3j] ** 2,
    "ogrid": lambda x: np.ogrid[x[1] : x[0] : 5j] ** 2,
    "arange": lambda x: np.arange(x[0] / 9, 3.0, 0.26) ** 2,
    "arange step": lambda x: np.arange(0.0, 2.0, 0.7 + x[0] / 40) ** 2,
    "nested lists": lambda x: np.array([[x[0], 1.0], [x[1] ** 2, [x[2]][0]]]),
    "tolist": lambda x: np.array(x.tolist()) * np.asarray([tuple(row) for row in table(x).tolist()]).ravel(),
    "object array": object_array,
    "ndenumerate": enumerated,
    "generators": generators,
    "fromfunction": lambda x: np.fromfunction(lambda i, j: x[0] * i + j * x[1] ** 2, (3, 2)),
    "full": lambda x: np.full((2, 2), x[0]) * np.full_like(np.ones((2, 2)), x[1]) + np.eye(2) * x[2],
    "vectorize": lambda x: branching(x, x[0]),
    "vectorize excluded": lambda x: with_parameter(x, p=[x[0]]),
    "vectorize signature": lambda x: rowwise(table(x)),
    "vectorize inside": lambda x: np.vectorize(lambda a, b: (a * b, a + b))(x, 2.0)[0] * x,
    "frompyfunc": lambda x: np.frompyfunc(lambda a: math.sin(a), 1, 1)(x).astype(float),
    "objects of classes": lambda x: Model()(x),
    "imports inside": import_inside,
    "attributes": lambda x: x.view()[::2] * x.item(2) * (x[0].real + x[0].imag) * x.nbytes * x[0].T,
    "divmod": lambda x: divmod(3.0, x[0])[1] * x,
}


@pytest.mark.parametrize("name", CASES)
def test_movement(name) -> None:
    check_every_mode(CASES[name], X, Y)


def test_data_movement_makes_no_instructions() -> None:
    for f in (
        lambda x: np.pad(np.resize(np.insert(x, 1, 2.0), (2, 3)), 1),
        lambda x: np.r_[x, 0.0, x[::-1]],
        lambda x: stride_tricks.sliding_window_view(np.c_[x, x], (2, 2)),
        lambda x: np.array([[x[0], 1.0], [x[1], x[2]]]),
    ):
        assert not ad.record(f, X).program.segments


def assigned(array):
    def f(x):
        array[1] = x[0]
        return array.sum()

    return f


def read_only(x):
    y = x.copy()
    y.setflags(write=False)
    y[0] = 1.0
    return y.sum()


def window_write(x):
    y = stride_tricks.sliding_window_view(x.copy(), 2)
    y[0] = 3.0
    return y


REFUSED = {
    "nditer": lambda x: sum(v for v in np.nditer(x)),
    "bytes": lambda x: x.tobytes(),
    "file": lambda x: x.tofile("/dev/null"),
    "ctypes": lambda x: x.ctypes,
    "buffer": lambda x: x.data,
    "bits": lambda x: x.view("i8"),
    "byteswap": lambda x: x.byteswap(),
    "getfield": lambda x: x.getfield(np.int32),
    "captured array": assigned(CAPTURED),
    "array made before": lambda x: assigned(CAPTURED * 2)(x),
    "array of float32": lambda x: assigned(np.zeros(3, np.float32))(x),
    "whole captured array": lambda x: CAPTURED.__setitem__(slice(None), x),
    "float in a Python ufunc": lambda x: np.frompyfunc(lambda a: float(a), 1, 1)(x),
    "save": lambda x: np.save(io.BytesIO(), x),
    "integer grid": lambda x: np.linspace(x[0], 1, 3, dtype=int),
    "integers joined": lambda x: np.concatenate([x, x], dtype=int),
    "float32": lambda x: np.array([x[0]], dtype=np.float32),
    "complex": lambda x: np.asarray(x, complex),
    "number as an index": lambda x: x[x[0]],
    "plain out": lambda x: np.take(x, [0], out=CAPTURED[:1]),
    "compiled code": lambda x: scipy.ndimage.gaussian_filter1d(x, 1.0),
    "memoryview": lambda x: memoryview(x),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_cut_derivatives_is_refused_with_the_line(name) -> None:
    with pytest.raises(ad.errors.FastADError, match=r"test_movement\.py:\d+"):
        ad.record(lambda x: np.sum(REFUSED[name](x)), X)


@pytest.mark.parametrize("f", [read_only, window_write, lambda x: x.resize(9), lambda x: np.put(x, 9, 1.0)])
def test_errors_of_numpy(f) -> None:
    with pytest.raises((ValueError, IndexError)):
        ad.record(lambda x: np.sum(f(x[1:])), X)


def test_every_public_attribute_of_arrays_works_or_is_refused() -> None:
    def names(x):
        for name in dir(np.ndarray):
            if not name.startswith("_"):
                try:
                    getattr(x, name), getattr(x[0], name)
                except ValueError:  # of mT
                    assert name == "mT"
                except ad.errors.DerivativeCut:
                    seen.append(name)
        return x[0]

    seen: list[str] = []
    ad.record(names, X)
    assert {"tobytes", "tofile", "ctypes", "data", "byteswap", "dump", "dumps", "getfield", "setfield"} <= set(seen)


def test_the_number_of_steps_of_arange_is_guarded() -> None:
    f = ad.value_and_grad(lambda x: np.sum(np.arange(x[0], 2.0, 0.5) ** 2))
    for start in (0.1, 1.2, -3.3, 0.2):
        value, gradient = f(np.array([start]))
        grid = np.arange(start, 2.0, 0.5)
        assert value == pytest.approx(np.sum(grid**2), rel=1e-15)
        assert gradient[0] == pytest.approx(np.sum(2 * grid), rel=1e-15, abs=1e-15)
