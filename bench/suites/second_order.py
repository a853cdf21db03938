"""Products with the Hessian, and Hessians."""

import numpy as np

import fastad as ad
from bench.objectives import rosenbrock


class Hessians:
    """The chained Rosenbrock function."""

    params = [10, 100]
    param_names = ["n"]
    timeout = 600

    def setup(self, n):
        self.x = rosenbrock.example(n)[0]
        self.v = np.random.default_rng(0).normal(size=n)
        self.objective, self.product, self.whole = ad.objective(rosenbrock.objective), *self.transforms()
        self.product(self.x, self.v), self.whole(self.x), self.objective.hvp(self.x, self.v)

    def transforms(self):
        return ad.hvp(rosenbrock.objective), ad.hessian(rosenbrock.objective)

    def time_product(self, n):
        self.product(self.x, self.v)

    def time_product_at_the_same_point(self, n):
        self.objective.hvp(self.x, self.v)

    def time_hessian(self, n):
        self.whole(self.x)
