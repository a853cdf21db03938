"""The works: what is differentiated, at which size, and the bars that fastad's time is held against.

A bar is the largest ratio of fastad's time to another column's, or a time in microseconds. A tool is left out of a work
where one gradient would take it minutes; the reason stands here, and is printed.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from types import ModuleType

FIRST_CALL_BAR = 1 / 20  # of JAX's first call, for every work
UNROLLED = "would compile every operation on its own: minutes"
EAGER = "would run 0.7 million operations one by one: many seconds a gradient"
LARGE = "would need a symbol an element: minutes at this size"


@dataclass(frozen=True)
class Work:
    """One objective at one size."""

    title: str
    objective: str
    size: tuple[int, ...] = ()
    ratios: dict[str, float] = field(default_factory=dict)
    microseconds: float | None = None
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return "-".join([self.objective, *map(str, self.size)])

    @property
    def module(self) -> ModuleType:
        return importlib.import_module(f"bench.objectives.{self.objective}")

    @property
    def arguments(self) -> tuple[tuple, tuple]:
        """The arguments that are differentiated, and the others."""
        args, active = self.module.example(*self.size), self.module.ACTIVE
        return args[:active], args[active:]


BELOW_BOTH = {"JAX": 1.0, "PyTorch": 1.0}
WORKS = (
    Work("Rosenbrock, n = 10", "rosenbrock", (10,), {"NumPy": 0.45, "JAX": 0.2}),
    Work("Rosenbrock, n = 10^3", "rosenbrock", (1000,), {"NumPy": 1.2, "JAX": 0.5}),
    Work("Rosenbrock, n = 10^6", "rosenbrock", (10**6,), {"NumPy": 1.0, "JAX": 1.0}, left_out={"CasADi": LARGE}),
    Work("mixture, n = 10^3", "mixture", (1000,), {"NumPy": 0.8, "JAX": 0.2}),
    Work(
        "mixture, n = 10^6",
        "mixture",
        (10**6,),
        {"NumPy": 0.5, "JAX": 0.55, "by hand": 4.0},
        left_out={"CasADi": LARGE},
    ),
    Work("logistic regression, 20000 x 50", "logistic", (), {"JAX": 0.9}),
    Work("MLP 32-64-64-8, batch 256", "mlp", (), {"JAX": 1.0}),
    Work("GMM, d = 10, k = 25, n = 1000", "gmm", (), {"JAX": 0.7}),
    Work("bundle adjustment, 31843 observations", "bundle", (), BELOW_BOTH),
    Work("hand tracking, simple", "hand", (), BELOW_BOTH),
    Work("hand tracking, complicated", "hand_complicated", (), BELOW_BOTH),
    Work("LSTM, 1023 steps", "lstm", (), BELOW_BOTH),
    Work(
        "Lorenz, 10^4 Runge-Kutta steps",
        "lorenz",
        (10_000,),
        {"JAX": 0.12, "CasADi": 1.0},
        left_out={"PyTorch": EAGER, "autograd": EAGER},
    ),
    Work("determinant by minors, 6 x 6", "minors", (), microseconds=4.0),
    # 10^4 gradients in 0.6 s.
    Work("10^4 mixed scalar operations", "mixed", (), microseconds=60.0, left_out={"JAX": UNROLLED}),
)


def chosen(only: list[str] | None) -> list[Work]:
    """The works whose key or objective is one of the names; all of them for none."""
    return [work for work in WORKS if not only or work.key in only or work.objective in only]
