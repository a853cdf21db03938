"""Tapes in files: NumPy's npz, no pickled objects, nothing in it trusted.

A file holds the arrays of the program as they are, one array `tables` with all index tables one after the
other, and one JSON text (as bytes, `description`) with the rest: format and version, the structures of
arguments and result, the segments and the users' lines of the guards. Whatever is read is checked for its
type, and the program as a whole by `Tape.check`, before anything runs: kernels take addresses on trust.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from fastad.containers import Structure
from fastad.errors import InvalidTape, UnsupportedDtype
from fastad.primitives import Call, primitive_named
from fastad.program import Address, Block, Guard, Program, Run
from fastad.tape import Tape

FORMAT, VERSION = "fastad tape", 1
_COLUMNS = {
    "active": np.bool_, "constants": np.float64, "opcode": np.uint8, "left": np.int32, "right": np.int32,
    "outputs": np.int64, "guard_slots": np.int64, "guard_values": np.float64, "tables": np.int32,
    "description": np.uint8,
}  # fmt: skip
_SCALARS = (str, int, float, bool, type(None))
_CONTAINERS = {"tuple": tuple, "list": list}


# --- writing ------------------------------------------------------------------------------------------
def save(tape: Tape, path: str | Path) -> None:
    """Write a tape to a file.

    Parameters
    ----------
    tape : Tape
    path : str or Path
        Written as it is; no suffix is added.

    Raises
    ------
    UnsupportedDtype
        A static argument of the tape is neither text, a number, a truth value nor None, or a container
        is not a plain tuple, list or dict.
    OSError
        The file cannot be written.

    Examples
    --------
    >>> import os, tempfile, fastad as ad
    >>> path = os.path.join(tempfile.mkdtemp(), "product.tape")
    >>> save(ad.record(lambda x, y: x * y, 2.0, 3.0), path)
    >>> load(path).primal(4.0, 5.0)
    20.0
    """
    program, tables = tape.program, _Tables()
    description = {
        "format": FORMAT,
        "version": VERSION,
        "inputs": program.inputs,
        "arguments": _written(tape.in_structure),
        "result": _written(tape.out_structure),
        "segments": [_written_segment(segment, tables) for segment in program.segments],
        "guards": [guard.where for guard in program.guards],
        "calls": list(map(_written_call, program.calls)),
    }
    columns = {
        "active": program.active, "constants": program.constants, "opcode": program.opcode, "left": program.left,
        "right": program.right, "outputs": program.outputs, "tables": tables.joined(),
        "guard_slots": np.array([guard.slot for guard in program.guards], np.int64),
        "guard_values": np.array([guard.expected for guard in program.guards], np.float64),
        "description": np.frombuffer(json.dumps(description).encode(), np.uint8),
    }  # fmt: skip
    # A file object, because NumPy adds a suffix to names.
    with open(path, "wb") as file:
        np.savez(file, allow_pickle=False, **{name: columns[name].astype(kind) for name, kind in _COLUMNS.items()})


class _Tables:
    """Index tables one after the other."""

    def __init__(self) -> None:
        self.parts: list[np.ndarray] = []
        self.size = 0

    def add(self, table: np.ndarray | None) -> int | None:
        """Where the table starts; None for none."""
        if table is None:
            return None
        start = self.size
        self.parts.append(table.astype(np.int32))
        self.size += table.size
        return start

    def joined(self) -> np.ndarray:
        return np.concatenate(self.parts) if self.parts else np.empty(0, np.int32)


def _written(structure: Structure) -> list[Any]:
    kind, *rest = structure
    if kind in ("float", "array"):
        return [kind, *map(list, rest)]
    if kind == "static":
        return ["static", _written_scalar(rest[-1], "a static argument")]
    if kind is dict:
        keys, *children = rest
        return ["dict", [_written_scalar(key, "a key of a dict") for key in keys], *map(_written, children)]
    if kind is tuple or kind is list:
        return [kind.__name__, *map(_written, rest)]
    raise UnsupportedDtype(f"a tape with a container of type {kind.__name__} cannot be saved; pickle it instead")


def _written_scalar(value: Any, what: str) -> Any:
    if type(value) not in _SCALARS:
        inner = getattr(value, "value", value)
        raise UnsupportedDtype(
            f"a tape with {what} of type {type(inner).__name__} ({inner!r:.80}) cannot be saved: only str, int, float, "
            "bool and None can; record with such a value, or pickle the tape instead"
        )
    return value


def _written_call(call: Call) -> list[Any]:
    options = [[name, *_written_option(name, value)] for name, value in call.options]
    return [call.primitive.saved_name(), call.shapes, call.results, call.single, options]


def _written_option(name: str, value: Any) -> list[Any]:
    """A number or text; or, marked as such, the structure of arguments."""
    if type(value) is tuple and value and isinstance(value[0], type | str):
        return [_written(value), "structure"]
    return [_written_scalar(value, f"the option {name!r} of a call")]


def _written_segment(segment: Run | Block, tables: _Tables) -> list[Any]:
    if isinstance(segment, Run):
        return ["run", segment.start, segment.stop, segment.first]
    operands = [[o.start, o.count, o.inner, o.step, o.outer, tables.add(o.table)] for o in segment.operands]
    index = None if segment.index is None else [tables.add(segment.index), segment.index.size]
    return ["block", segment.code, segment.first, segment.length, operands, list(segment.sizes), index]


# --- reading ------------------------------------------------------------------------------------------
def load(path: str | Path) -> Tape:
    """Read a tape that `save` wrote; everything in the file is checked.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Tape

    Raises
    ------
    InvalidTape
        The file is damaged, is no tape, or is of a version that this fastad does not know.
    OSError
        The file cannot be read.
    """
    content = Path(path).read_bytes()
    try:
        tape = _read(content)
        tape.check()
    except InvalidTape as error:
        raise InvalidTape(f"{path}: {error}") from None
    except Exception as error:  # whatever NumPy, zip and JSON find wrong with damaged bytes
        raise InvalidTape(f"{path} is damaged, or is no saved tape ({type(error).__name__}: {error})") from error
    return tape


def _read(content: bytes) -> Tape:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        _require(set(archive.files) == set(_COLUMNS), "the file does not hold the arrays of a tape")
        columns = {name: _column(name, archive[name]) for name in _COLUMNS}
    description = json.loads(columns["description"].tobytes().decode())
    _require(type(description) is dict and description.get("format") == FORMAT, "the file is no saved tape")
    version = description.get("version")
    _require(version == VERSION, f"the file is of version {version!r}, and this fastad reads version {VERSION}")
    segments = tuple(_read_segment(row, columns["tables"]) for row in description["segments"])
    return Tape(
        Program(
            _whole(description["inputs"]), columns["active"], columns["constants"], columns["opcode"], columns["left"],
            columns["right"], segments, columns["outputs"], _read_guards(description["guards"], columns),
            tuple(map(_read_call, description.get("calls", []))),
        ),
        _read_structure(description["arguments"]), _read_structure(description["result"]),
    )  # fmt: skip


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InvalidTape(message)


def _column(name: str, array: np.ndarray) -> np.ndarray:
    _require(array.dtype == _COLUMNS[name] and array.ndim == 1, f"the array {name!r} has the wrong type or shape")
    return array


def _whole(value: Any) -> int:
    _require(type(value) is int and 0 <= value < 1 << 31, f"{value!r} stands where a size or a slot should")
    return value


def _read_call(row: Any) -> Call:
    name, shapes, results, single, options = row
    _require(type(name) is str and type(single) is bool, "a call without the name of a primitive")
    shapes, results = ([tuple(map(_whole, shape)) for shape in part] for part in (shapes, results))
    return Call(primitive_named(name), shapes, results, single,
                tuple((str(key), _read_option(*value)) for key, *value in options))  # fmt: skip


def _read_option(value: Any, kind: str = "scalar") -> Any:
    return _read_structure(value) if kind == "structure" else _read_scalar(value)


def _step(value: Any) -> int:
    _require(type(value) is int and abs(value) < 1 << 31, f"{value!r} stands where a stride should")
    return value


def _read_segment(row: Any, tables: np.ndarray) -> Run | Block:
    kind, *parts = row
    if kind == "run":
        return Run(*map(_whole, parts))
    _require(kind == "block", f"a segment of the unknown kind {kind!r}")
    code, first, length, operands, sizes, index = parts
    addresses = tuple(_read_address(operand, tables) for operand in operands)
    return Block(_whole(code), _whole(first), _whole(length), addresses, tuple(map(_whole, sizes)),
                 None if index is None else _table(index[0], index[1], tables))  # fmt: skip


def _read_address(row: Any, tables: np.ndarray) -> Address:
    start, count, inner, step, outer, table = row
    found = None if table is None else _table(table, count, tables)
    return Address(_whole(start), _whole(count), _whole(inner), _step(step), _step(outer), found)


def _table(start: Any, count: Any, tables: np.ndarray) -> np.ndarray:
    stop = _whole(start) + _whole(count)
    _require(stop <= tables.size, f"an index table {start} .. {stop} ends after the last one, {tables.size}")
    return tables[start:stop].copy()


def _read_guards(lines: Any, columns: dict[str, np.ndarray]) -> tuple[Guard, ...]:
    slots, values = columns["guard_slots"].tolist(), columns["guard_values"].tolist()
    _require(all(type(line) is str for line in lines), "a guard without the user's line")
    return tuple(Guard(*row) for row in zip(slots, values, lines, strict=True))


def _read_structure(tree: Any) -> Structure:
    kind, *rest = tree
    if kind == "float":
        return ("float",)
    if kind == "array":
        return ("array", tuple(map(_whole, rest[0])))
    if kind == "static":
        value = _read_scalar(rest[0])
        return ("static", type(value), value)
    if kind == "dict":
        keys, *children = rest
        _require(len(keys) == len(children), "a dict has as many keys as entries")
        return (dict, tuple(map(_read_scalar, keys)), *map(_read_structure, children))
    _require(kind in _CONTAINERS, f"a structure of the unknown kind {kind!r}")
    return (_CONTAINERS[kind], *map(_read_structure, rest))


def _read_scalar(value: Any) -> Any:
    _require(type(value) in _SCALARS, f"{value!r} stands where text, a number, a truth value or None should")
    return value
