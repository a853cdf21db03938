"""Ten thousand mixed scalar operations, one after another: what a tape of single numbers costs, and nothing else.

A random program of sums, differences, products, sines, cosines and hyperbolic tangents; each operation takes a recent
value and an older value or a variable, and every hundredth value is added to the result, so that all have an influence.
After "Fastest Autograd in the West" (A. Rogozhnikov, 2023): ten thousand gradients of ten thousand operations.
"""

from __future__ import annotations

import numpy as np

ACTIVE = 1
EVERY, RECENT = 100, 50


def operation(code, a, b):
    if code == 0:
        return a + b
    if code == 1:
        return a - b
    if code == 2:
        return a * b
    if code == 3:
        return np.sin(a)
    return np.cos(a) if code == 4 else np.tanh(a)


def objective(x, program):
    values = [x[i] for i in range(x.shape[0])]
    total = 0.0
    for k, (code, first, second) in enumerate(program):
        values.append(operation(code, values[first], values[second]))
        if k % EVERY == EVERY - 1:
            total = total + values[-1]
    return total


def example(operations: int = 10_000, variables: int = 10, seed: int = 0) -> tuple[np.ndarray, list]:
    random = np.random.default_rng(seed)
    program = []
    for k in range(operations - operations // EVERY):
        newest = variables + k
        first = newest - 1 - int(random.integers(0, min(newest, RECENT)))
        second = int(random.integers(0, variables if random.uniform() < 0.5 else newest))
        # Bounded functions come after every sum or product, so that the values neither grow nor vanish.
        code = int(random.integers(0, 3)) if k % 2 == 0 else int(random.integers(3, 6))
        program.append((code, newest - 1 if k % 2 else first, second))
    return random.uniform(0.5, 1.5, variables), program
