"""fastad: the objective as it is. Data are closed over, as in a fit, so a replay copies the variables only.

`ad.bind`, where the installed version has it, writes the gradient into an array it is given and is the leanest call.
"""

from __future__ import annotations

from functools import partial

import numpy as np

import fastad as ad
from bench.peers.tool import Prepared, read_pair
from bench.peers.works import Work

NAME = "fastad"
# The package's own start-up is no work's first call.
ad.value_and_grad(np.sum)(np.ones(3))


def prepare(work: Work) -> Prepared:
    active, data = work.arguments
    objective = work.module.objective
    if work.objective == "minors" and hasattr(ad, "bind"):
        return _bound(objective, active[0])
    if data:
        objective = partial(_with_data, objective, data)
    both = ad.value_and_grad(objective, 0 if len(active) == 1 else tuple(range(len(active))))
    return Prepared(lambda: both(*active), read_pair)


def _with_data(objective, data, *active):
    return objective(*active, *data)


def _bound(objective, x: np.ndarray) -> Prepared:
    bound, gradient = ad.bind(objective, x), np.empty_like(x)
    return Prepared(lambda: (bound(x, gradient), gradient), read_pair)
