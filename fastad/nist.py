"""Nonlinear-regression files of the NIST Statistical Reference Datasets: `load("Hahn1")`.

Theory of operation. A file is text for people with three tables in it. Its head says on which lines they
stand ("Starting Values (lines 41 to 47)"); a line of parameters holds name, starts, certified value and
standard deviation; a line of data holds the response and then the predictor. Everything that the file
says twice is compared, and a file in which something does not fit is refused with its line.

References: https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from fastad.errors import InvalidDataFile

_FIRST_LINE = "NIST/ITL StRD"
_PARAMETER = re.compile(r"\s*(b\d+)\s*=\s*(.*)")


@dataclass(frozen=True, eq=False)
class DataSet:
    """A regression problem with certified results.

    Attributes
    ----------
    name : str
    parameters : tuple of str
        Names of the n parameters.
    starts : ndarray of float64, shape (2, n)
        A far and a near start.
    certified, deviations : ndarray of float64, shape (n,)
        Certified parameters and their standard deviations, eleven digits.
    residual_sum_of_squares : float
        Certified.
    x, y : ndarray of float64, shape (m,)
        Predictor and response.
    """

    name: str
    parameters: tuple[str, ...]
    starts: np.ndarray
    certified: np.ndarray
    deviations: np.ndarray
    residual_sum_of_squares: float
    x: np.ndarray
    y: np.ndarray


def load(name: str) -> DataSet:
    """A data set that comes with the package.

    Parameters
    ----------
    name : str
        "Hahn1".

    Raises
    ------
    InvalidDataFile
        There is no such data set.

    Examples
    --------
    >>> load("Hahn1").y.size
    236
    """
    folder = files("fastad") / "data"
    known = sorted(entry.name.removesuffix(".dat") for entry in folder.iterdir() if entry.name.endswith(".dat"))
    if name not in known:
        raise InvalidDataFile(f"there is no data set {name!r} in the package; there is {', '.join(known)}")
    return parse((folder / f"{name}.dat").read_text(encoding="ascii"), f"{name}.dat")


def read(path: str | Path) -> DataSet:
    """A data set from a file.

    Raises
    ------
    InvalidDataFile
        The file is not one of the kind, or does not agree with itself.
    OSError
        It cannot be read.
    """
    return parse(Path(path).read_text(encoding="latin-1"), str(path))


def parse(text: str, where: str = "data") -> DataSet:
    """A data set from the text of a file; `where` names it in errors."""
    return _Parser(text.splitlines(), where).data_set()


class _Parser:
    def __init__(self, lines: list[str], where: str) -> None:
        self.lines, self.where = lines, where
        self.head = "\n".join(lines[:12])

    def data_set(self) -> DataSet:
        if not self.lines or self.lines[0].strip() != _FIRST_LINE:
            raise self._error(f"a regression file of NIST starts with {_FIRST_LINE!r}, this one does not")
        names, table = self._parameters()
        data = self._data()
        return DataSet(
            self._found(r"Dataset Name:\s*(\S+)", self.head, "a line 'Dataset Name:'"), names,
            table[:, :-2].T.copy(), table[:, -2].copy(), table[:, -1].copy(),
            self._certified_number("Residual Sum of Squares"), data[:, 1].copy(), data[:, 0].copy(),
        )  # fmt: skip

    def _error(self, message: str, at: int | None = None) -> InvalidDataFile:
        """An error that names the file and, if known, the line (counted from 0)."""
        return InvalidDataFile(f"{self.where}{'' if at is None else f', line {at + 1}'}: {message}")

    def _found(self, pattern: str, text: str, what: str) -> str:
        match = re.search(pattern, text)
        if match is None:
            raise self._error(f"{what} is missing")
        return match.group(1)

    def _range(self, title: str) -> range:
        """Indices of the lines of a table, as the file's head states them."""
        pattern = rf"{title}\s*\(lines\s+(\d+\s+to\s+\d+)\)"
        first, last = map(int, self._found(pattern, self.head, f"'{title} (lines ... to ...)' in the head").split("to"))
        if not 1 < first <= last <= len(self.lines):
            raise self._error(f"{title} should be on lines {first} to {last}, but there are {len(self.lines)} lines")
        return range(first - 1, last)

    def _numbers(self, at: int, text: str, count: int) -> list[float]:
        try:
            numbers = [float(word) for word in text.split()]
        except ValueError:
            raise self._error(f"numbers are expected in {text.strip()!r}", at) from None
        if len(numbers) != count:
            raise self._error(f"{len(numbers)} numbers where {count} are expected: {text.strip()!r}", at)
        return numbers

    def _parameters(self) -> tuple[tuple[str, ...], np.ndarray]:
        """Names, and a table with a row a parameter: starts, certified value, standard deviation."""
        names: list[str] = []
        rows = []
        for at in self._range("Starting Values"):
            expected, match = f"b{len(names) + 1}", _PARAMETER.match(self.lines[at])
            if match is None or match[1] != expected:
                raise self._error(f"'{expected} = ...' is expected, not {self.lines[at]!r}", at)
            names.append(expected)
            rows.append(self._numbers(at, match[2], 4))
        return tuple(names), np.array(rows)

    def _certified_number(self, title: str) -> float:
        lines = self._range("Certified Values")
        text = "\n".join(self.lines[at] for at in lines)
        return self._numbers(lines[0], self._found(rf"{title}:\s*(\S+)", text, f"the certified '{title}'"), 1)[0]

    def _data(self) -> np.ndarray:
        """Columns y and x."""
        lines = self._range("Data")
        title = self.lines[lines[0] - 1].split()
        if title != ["Data:", "y", "x"]:
            raise self._error(f"'Data: y x' is expected above the data, not {' '.join(title)!r}", lines[0] - 1)
        data = np.array([self._numbers(at, self.lines[at], 2) for at in lines])
        told = int(self._certified_number("Number of Observations"))
        if len(data) != told:
            raise self._error(f"{len(data)} lines of data, but 'Number of Observations: {told}'")
        return data
