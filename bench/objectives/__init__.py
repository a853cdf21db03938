"""The functions that the bench programs differentiate, in plain NumPy; no module here knows a tool.

Each module has `objective(...)`, whose first `ACTIVE` arguments are differentiated, and `example(..., seed=0)`, which
makes its arguments. They write nothing in place and take from `np` only what NumPy, JAX, autograd and PyTorch all have
under that name, so that one source serves every tool (`bench.peers.tool.under`).
"""
