"""NIST's regression files: reading them, and fitting them to their certified parameters."""

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import least_squares, minimize

import fastad as ad
from fastad import nist
from fastad.errors import InvalidDataFile

FOLDER = Path(__file__).parent / "nist"
TEXT = (FOLDER / "Misra1a.dat").read_text()


def rational(b, x):
    return (b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3) / (1 + b[4] * x + b[5] * x**2 + b[6] * x**3)


def oscillations(b, x):
    cycle = 2 * np.pi * x
    year = b[1] * np.cos(cycle / 12) + b[2] * np.sin(cycle / 12)
    slow = b[4] * np.cos(cycle / b[3]) + b[5] * np.sin(cycle / b[3])
    return b[0] + year + slow + b[7] * np.cos(cycle / b[6]) + b[8] * np.sin(cycle / b[6])


def gaussians(b, x):
    peaks = b[2] * np.exp(-((x - b[3]) ** 2) / b[4] ** 2) + b[5] * np.exp(-((x - b[6]) ** 2) / b[7] ** 2)
    return b[0] * np.exp(-b[1] * x) + peaks


def linear_over_quadratic(b, x):
    return b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3])


def saturation(b, x):
    return b[0] * (1 - np.exp(-b[1] * x))


MODELS = {
    "ENSO": oscillations, "Gauss1": gaussians, "Hahn1": rational, "MGH09": linear_over_quadratic, "Misra1a": saturation,
    "Thurber": rational,
}  # fmt: skip
CASES = pytest.mark.parametrize("name", MODELS)


def problem(name):
    data, model = nist.read(FOLDER / f"{name}.dat"), MODELS[name]
    return data, lambda b: model(b, data.x) - data.y


# --- reading ----------------------------------------------------------------------------------------
def test_everything_in_a_file():
    data = nist.parse(TEXT)
    assert (data.name, data.parameters) == ("Misra1a", ("b1", "b2"))
    np.testing.assert_array_equal(data.starts, [[500.0, 0.0001], [250.0, 0.0005]])
    np.testing.assert_array_equal(data.certified, [2.3894212918e02, 5.5015643181e-04])
    np.testing.assert_array_equal(data.deviations, [2.7070075241, 7.2668688436e-06])
    assert data.residual_sum_of_squares == 1.2455138894e-01
    assert (data.x[0], data.y[0], data.x[-1], data.y[-1]) == (77.6, 10.07, 760.0, 81.78)
    assert data.x.size == data.y.size == 14


@CASES
def test_files_agree_with_themselves(name):
    data, residuals = problem(name)
    assert data.name == name
    assert np.sum(residuals(data.certified) ** 2) == pytest.approx(data.residual_sum_of_squares, rel=1e-9)


def test_the_set_in_the_package_is_nists():
    shipped, original = nist.load("Hahn1"), nist.read(FOLDER / "Hahn1.dat")
    np.testing.assert_array_equal(shipped.x, original.x)
    np.testing.assert_array_equal(shipped.certified, original.certified)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (TEXT, "", "starts with 'NIST/ITL StRD'"),
        (TEXT, "x,y\n1,2\n", "starts with 'NIST/ITL StRD'"),
        ("Dataset Name:", "Name:", "'Dataset Name:' is missing"),
        ("(lines 41 to 42)", "", r"'Starting Values \(lines ... to ...\)' in the head is missing"),
        ("(lines 41 to 42)", "(lines 41 to 43)", "line 43: 'b3 = ...' is expected"),
        ("(lines 61 to 74)", "(lines 61 to 75)", "Data should be on lines 61 to 75, but there are 74 lines"),
        ("(lines 61 to 74)", "(lines 61 to 73)", "13 lines of data, but 'Number of Observations: 14'"),
        ("(lines 61 to 74)", "(lines 62 to 74)", "line 61: 'Data: y x' is expected above the data"),
        ("5.5015643181E-04", "", "line 42: 3 numbers where 4 are expected"),
        ("5.5015643181E-04", "5.50156431B1E-04", "line 42: numbers are expected"),
        ("Residual Sum of Squares:", "Sum:", "certified 'Residual Sum of Squares' is missing"),
        ("77.6E0", "77.6E0  1.0", "line 61: 3 numbers where 2 are expected"),
    ],
)
def test_damaged_files_are_refused(old, new, message):
    assert old in TEXT
    with pytest.raises(InvalidDataFile, match=message) as error:
        nist.parse(TEXT.replace(old, new), "damaged.dat")
    assert str(error.value).startswith("damaged.dat")


def test_an_unknown_set():
    with pytest.raises(InvalidDataFile, match="no data set 'Missing' in the package; there is Hahn1"):
        nist.load("Missing")


def test_a_file_that_is_not_text(tmp_path):
    path = tmp_path / "binary.dat"
    path.write_bytes(bytes(range(256)) * 10)
    with pytest.raises(InvalidDataFile, match=r"binary\.dat"):
        nist.read(path)


# --- fitting ----------------------------------------------------------------------------------------
@CASES
def test_jacobian_beside_complex_step(name):
    data, residuals = problem(name)
    for b in (*data.starts, data.certified):
        found = ad.jacobian(residuals)(b)
        for k in range(b.size):
            stepped = b.astype(complex)
            stepped[k] += 1e-30j * abs(b[k])
            column = residuals(stepped).imag / (1e-30 * abs(b[k]))
            assert np.max(np.abs(found[:, k] - column)) <= 1e-14 * np.max(np.abs(column))


@CASES
def test_certified_digits(name):
    data, residuals = problem(name)
    tight = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15}
    fit = least_squares(residuals, data.starts[1], jac=ad.jacobian(residuals), method="lm", x_scale="jac", **tight)
    assert np.max(np.abs(fit.x - data.certified) / np.abs(data.certified)) < 1e-6


@CASES
def test_the_certified_point_is_a_minimum(name):
    data, residuals = problem(name)

    def squares(b):
        return np.sum(residuals(b) ** 2)

    scale = np.abs(data.certified)
    slope = ad.grad(squares)(data.certified) * scale
    hessian = ad.hessian(squares)(data.certified) * np.outer(scale, scale)
    assert np.all(np.linalg.eigvalsh(hessian) > 0.0)
    assert np.max(np.abs(np.linalg.solve(hessian, slope))) < 1e-8  # Newton's step, relative to the parameters


def test_minimising_the_sum_of_squares():
    data, residuals = problem("Gauss1")
    scale = data.starts[1]
    objective = ad.value_and_grad(lambda z: np.sum(residuals(z * scale) ** 2))
    best = minimize(objective, np.ones(8), jac=True, method="BFGS", options={"gtol": 1e-8})
    assert np.max(np.abs(best.x * scale / data.certified - 1.0)) < 1e-6
