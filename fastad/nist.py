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
            raise InvalidDataFile(f"{self.where}: a regression file of NIST starts with {_FIRST_LINE!r}, this one does not")
        names, table = self._parameters()
        data = self._data()
        return DataSet(
            self._found(r"Dataset Name:\s*(\S+)", self.head, "a line 'Dataset Name:'"), names,
            table[:, :-2].T.copy(), table[:, -2].copy(), table[:, -1].copy(),
            self._certified_number("Residual Sum of Squares"), data[:, 1].copy(), data[:, 0].copy(),
        )  # fmt: skip

    def _found(self, pattern: str, text: str, what: str) -> str:
        match = re.search(pattern, text)
        if match is None:
            raise InvalidDataFile(f"{self.where}: {what} is missing")
        return match.group(1)

    def _range(self, title: str) -> range:
        """Indices of the lines of a table, as the file's head states them."""
        numbers = self._found(rf"{title}\s*\(lines\s+(\d+\s+to\s+\d+)\)", self.head, f"'{title} (lines ... to ...)' in its head")
        first, last = map(int, numbers.split("to"))
        if not 1 <= first <= last <= len(self.lines):
            raise InvalidDataFile(f"{self.where}: {title} should be on lines {first} to {last}, but there are {len(self.lines)} lines")
        return range(first - 1, last)

    def _numbers(self, at: int, text: str, count: int) -> list[float]:
        try:
            numbers = [float(word) for word in text.split()]
        except ValueError:
            raise InvalidDataFile(f"{self.where}, line {at + 1}: numbers are expected in {text.strip()!r}") from None
        if len(numbers) != count:
            raise InvalidDataFile(f"{self.where}, line {at + 1}: {len(numbers)} numbers where {count} are expected: {text.strip()!r}")
        return numbers

    def _parameters(self) -> tuple[tuple[str, ...], np.ndarray]:
        """Names, and a table with a row a parameter: starts, certified value, standard deviation."""
        names, rows = [], []
        for at in self._range("Starting Values"):
            match = _PARAMETER.match(self.lines[at])
            if match is None or match[1] != f"b{len(names) + 1}":
                raise InvalidDataFile(f"{self.where}, line {at + 1}: 'b{len(names) + 1} = ...' is expected, not {self.lines[at]!r}")
            names.append(match[1])
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
            raise InvalidDataFile(f"{self.where}, line {lines[0]}: 'Data: y x' is expected above the data, not {' '.join(title)!r}")
        data = np.array([self._numbers(at, self.lines[at], 2) for at in lines])
        told = int(self._certified_number("Number of Observations"))
        if len(data) != told:
            raise InvalidDataFile(f"{self.where}: {len(data)} lines of data, but 'Number of Observations: {told}'")
        return data
