"""HIPS autograd: the objectives under `autograd.numpy`, traced anew at each call."""

from __future__ import annotations

import autograd
import autograd.numpy as anp

from bench.peers.tool import LeftOut, Prepared, read_pair, under
from bench.peers.works import Work

NAME = "autograd"


def prepare(work: Work) -> Prepared:
    if NAME in work.left_out:
        raise LeftOut(work.left_out[NAME])
    active, data = work.arguments
    objective = under(work.module, anp)["objective"]
    both = autograd.value_and_grad(objective, tuple(range(len(active))))
    return Prepared(lambda: both(*active, *data), read_pair)
