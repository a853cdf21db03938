"""Value and gradient as users call them: overhead with small arguments, throughput with large ones, threads."""

import numpy as np

import fastad as ad
from bench.objectives import lorenz, minors, mixed, mixture, rosenbrock


class Functions:
    """Whole calls of `ad.value_and_grad`."""

    params = [["rosenbrock", "mixture"], [1, 10, 1000, 1_000_000]]
    param_names = ["function", "n"]
    timeout = 600

    def setup(self, function, n):
        module = {"rosenbrock": rosenbrock, "mixture": mixture}[function]
        self.function, self.x = module.objective, module.example(max(n, 2))[0]
        self.both = ad.value_and_grad(self.function)
        self.bound, self.gradient = ad.bind(self.function, self.x), np.empty(self.x.shape)
        for _ in range(5):
            self.both(self.x)
            self.bound(self.x, self.gradient)

    def time_value_and_grad(self, function, n):
        self.both(self.x)

    def time_bound(self, function, n):
        self.bound(self.x, self.gradient)

    def time_numpy(self, function, n):
        self.function(self.x)


class ScalarCode:
    """Long scalar tapes."""

    params = ["lorenz", "minors", "mixed"]
    param_names = ["work"]
    timeout = 600

    def setup(self, work):
        self.x = {"lorenz": lambda: lorenz.example(1000), "minors": minors.example, "mixed": mixed.example}[work]()[0]
        function = {"lorenz": lambda p: lorenz.objective(p, 1000), "minors": minors.objective, "mixed": mixed.objective}
        self.both = ad.value_and_grad(function[work])
        for _ in range(5):
            self.both(self.x)

    def time_value_and_grad(self, work):
        self.both(self.x)


class Threads:
    """A large gradient by one thread and by all processors."""

    params = [1, 0]
    param_names = ["threads, 0 for all"]
    timeout = 600

    def setup(self, threads):
        self.usual = ad.settings.threads
        ad.settings.threads = threads or self.usual
        self.x = mixture.example(1_000_000)[0]
        self.both = ad.value_and_grad(mixture.objective)
        for _ in range(5):
            self.both(self.x)

    def teardown(self, threads):
        ad.settings.threads = self.usual

    def time_value_and_grad(self, threads):
        self.both(self.x)
