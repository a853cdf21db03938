"""NumPy itself: the function alone, without a gradient; what every gradient is held against."""

from __future__ import annotations

import numpy as np

from bench.peers.tool import Prepared
from bench.peers.works import Work

NAME = "NumPy"


def prepare(work: Work) -> Prepared:
    active, data = work.arguments
    objective = work.module.objective
    return Prepared(lambda: objective(*active, *data), lambda value: (float(value), np.empty(0)))
