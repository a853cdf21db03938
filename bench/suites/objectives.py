"""Published objectives and linear algebra: ADBench's four, a logistic regression, a small neural network."""

from functools import partial
from importlib import import_module

import numpy as np

import fastad as ad


def with_data(objective, data, *active):
    return objective(*active, *data)


class Objectives:
    """Value and gradient with respect to all variables; data are closed over, as in a fit."""

    params = ["gmm", "bundle", "lstm", "hand", "hand_complicated", "logistic", "mlp"]
    param_names = ["objective"]
    timeout = 600

    def setup(self, objective):
        module = import_module(f"bench.objectives.{objective}")
        arguments, count = module.example(), getattr(module, "ACTIVE", 1)
        self.active, data = arguments[:count], arguments[count:]
        self.function = partial(with_data, module.objective, data)
        self.both = ad.value_and_grad(self.function, tuple(range(count)))
        for _ in range(5):
            self.both(*self.active)

    def time_value_and_grad(self, objective):
        self.both(*self.active)

    def time_numpy(self, objective):
        self.function(*self.active)


class Products:
    """A chain of square matrix products."""

    params = [10, 100, 300]
    param_names = ["n"]
    timeout = 600

    def setup(self, n):
        self.x = np.random.default_rng(0).normal(size=(n, n)) / n
        self.both = ad.value_and_grad(lambda a: np.sum(a @ a @ a))
        for _ in range(5):
            self.both(self.x)

    def time_value_and_grad(self, n):
        self.both(self.x)
