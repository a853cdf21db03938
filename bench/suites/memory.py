"""Memory: peaks of whole processes, and what a tape says of itself."""

import numpy as np

import fastad as ad
from bench.objectives import lorenz, mixture


class Peaks:
    """The most that a process holds."""

    timeout = 600

    def peakmem_import(self):
        ad.settings  # noqa: B018

    def peakmem_large_gradient(self):
        ad.value_and_grad(mixture.objective)(mixture.example(1_000_000)[0])

    def peakmem_scalar_tape(self):
        ad.record(lambda p: lorenz.objective(p, 1000), lorenz.example(1000)[0])


class Tapes:
    """Bytes an instruction, by the tape's own account."""

    timeout = 600

    def track_scalar_instruction(self):
        tape = ad.record(lambda p: lorenz.objective(p, 1000), lorenz.example(1000)[0])
        return sum(tape.stats()["bytes"].values()) / tape.instructions

    track_scalar_instruction.unit = "bytes"

    def track_slots_of_a_fused_chain(self):
        x = np.linspace(0.5, 1.5, 10_000)
        return ad.record(mixture.objective, x).stats()["bytes"]["values"] / x.size

    track_slots_of_a_fused_chain.unit = "bytes an element"
