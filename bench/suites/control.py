"""What the machine does without fastad: a change here is the machine's, not the package's."""

import numpy as np


class Machine:
    """A fixed piece of NumPy and of plain Python."""

    def setup(self):
        self.x = np.linspace(0.5, 1.5, 100_000)
        self.matrix = np.linspace(-1.0, 1.0, 62_500).reshape(250, 250)

    def time_numpy_functions(self):
        np.sum(np.exp(-self.x) * self.x)

    def time_numpy_product(self):
        self.matrix @ self.matrix

    def time_plain_python(self):
        total = 0.0
        for i in range(20_000):
            total += i * 0.5
