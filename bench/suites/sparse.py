"""Sparse derivatives, their set-up, and power series."""

import numpy as np

import fastad as ad
from bench.objectives import rosenbrock
from bench.sparse import brusselator
from fastad.sparsity.detection import hessian_rows, jacobian_rows


class SparseHessians:
    """The chained Rosenbrock function."""

    params = [100, 10_000]
    param_names = ["n"]
    timeout = 600

    def setup(self, n):
        self.x = rosenbrock.example(n)[0]
        self.hessian = ad.sparse_hessian(rosenbrock.objective)
        self.hessian(self.x)
        self.tape = ad.record(rosenbrock.objective, self.x)
        self.pattern = ad.sparsity.hessian_pattern(rosenbrock.objective, self.x)

    def time_hessian(self, n):
        self.hessian(self.x)

    def time_first_hessian(self, n):
        ad.sparse_hessian(rosenbrock.objective)(self.x)

    def time_patterns(self, n):
        jacobian_rows(self.tape.program)
        hessian_rows(self.tape.program)

    def time_colours(self, n):
        ad.sparsity.color_symmetric(self.pattern)

    def time_series_of_order_ten(self, n):
        ad.taylor(rosenbrock.objective, self.x, np.ones(n), 10)


class SparseJacobians:
    """Reaction and diffusion on a grid."""

    params = [10, 60]
    param_names = ["grid"]
    timeout = 600

    def setup(self, grid):
        self.y = np.random.default_rng(0).normal(size=2 * grid * grid)
        self.jacobian = ad.sparse_jacobian(brusselator)
        self.jacobian(self.y, grid)

    def time_jacobian(self, grid):
        self.jacobian(self.y, grid)
