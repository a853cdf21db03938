"""JAX: jit of value_and_grad in float64, data as arguments on the device; a run ends when its results are there.

The objectives run under `jax.numpy` as they are. The two long loops are written with `lax.scan`, which compiles one
step: unrolled they would take minutes to compile.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from bench.peers.tool import LeftOut, Prepared, converted, read_pair, under
from bench.peers.works import Work

NAME = "JAX"
jax.config.update("jax_enable_x64", True)
# The platform's own start-up is no work's first call.
jax.jit(jnp.sum)(jnp.ones(3)).block_until_ready()


def lorenz(names, p, steps):
    def step(state, _):
        return names["step"](p[0], p[1], p[2], *state), None

    (x, y, z), _ = lax.scan(step, (p[3], p[4], p[5]), None, length=steps)
    return x * x + y * y + z * z


def lstm(names, main, extra, state, sequence):
    def step(states, pair):
        prediction, states = names["step"](main, extra, states, pair[0])
        return states, names["log_loss"](prediction, pair[1])

    states = [(state[k], state[k + 1]) for k in range(0, state.shape[0], 2)]
    _, losses = lax.scan(step, states, (sequence[:-1], sequence[1:]))
    return -jnp.sum(losses) / (sequence.shape[1] * (sequence.shape[0] - 1))


SCANS = {"lorenz": lorenz, "lstm": lstm}


def prepare(work: Work) -> Prepared:
    if NAME in work.left_out:
        raise LeftOut(work.left_out[NAME])
    active, data = (converted(part, jnp.asarray) for part in work.arguments)
    names = under(work.module, jnp)
    scan = SCANS.get(work.objective)
    objective = (lambda *args: scan(names, *args)) if scan else names["objective"]
    # Numbers such as a count of steps are part of the program; arrays are inputs.
    static = tuple(len(active) + k for k, part in enumerate(data) if not _arrays(part))
    both = jax.jit(jax.value_and_grad(objective, tuple(range(len(active)))), static_argnums=static)
    return Prepared(lambda: jax.block_until_ready(both(*active, *data)), read_pair)


def _arrays(part) -> bool:
    leaves = part if isinstance(part, tuple) else (part,)
    return all(isinstance(leaf, jax.Array) for leaf in leaves)
