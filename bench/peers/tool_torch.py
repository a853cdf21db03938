"""PyTorch: eager float64 on the CPU with its own number of threads; `torch.autograd.grad` after each value.

Most objectives run under `torch` as they are; where PyTorch has a fused function that its users call, it is called.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from bench.objectives import gmm as gmm_module
from bench.peers.tool import LeftOut, Prepared, converted, joined, under
from bench.peers.works import Work

NAME = "PyTorch"


def logistic(weights, features, labels):
    return functional.binary_cross_entropy_with_logits(features @ weights, labels, reduction="sum")


def mlp(w1, b1, w2, b2, w3, b3, inputs, rows, labels):
    hidden = torch.tanh(torch.addmm(b1, inputs, w1))
    hidden = torch.tanh(torch.addmm(b2, hidden, w2))
    return functional.cross_entropy(torch.addmm(b3, hidden, w3), labels)


def gmm(*args):
    names = under(gmm_module, torch)
    names["log_sum_exp"] = lambda x: torch.logsumexp(x, -1)
    return names["objective"](*args)


OWN = {"logistic": logistic, "mlp": mlp, "gmm": gmm}


def prepare(work: Work) -> Prepared:
    if NAME in work.left_out:
        raise LeftOut(work.left_out[NAME])
    active, data = (converted(part, torch.from_numpy) for part in work.arguments)
    active = tuple(part.requires_grad_() for part in active)
    objective = OWN.get(work.objective) or under(work.module, torch)["objective"]

    def run():
        value = objective(*active, *data)
        return value.detach(), torch.autograd.grad(value, active)

    return Prepared(run, lambda result: (float(result[0]), joined(result[1])))
