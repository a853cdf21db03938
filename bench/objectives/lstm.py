"""ADBench's LSTM: the loss of predicting a text's next character, a Python loop of many operations on small arrays.

Gates are element-wise products, not matrix products, and the sum of exponentials starts from 2: both as published.
The smallest published size has 2 layers, 14 bits a character and 1024 characters, so 1023 sequential steps. The text
is random.
"""

from __future__ import annotations

import numpy as np

ACTIVE = 2


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def layer(weight, bias, hidden, cell, signal):
    size = hidden.shape[0]
    gates = np.concatenate([signal, hidden, signal, hidden]) * weight + bias
    forget, let_in = sigmoid(gates[:size]), sigmoid(gates[size : 2 * size])
    let_out = sigmoid(gates[2 * size : 3 * size])
    cell = cell * forget + let_in * np.tanh(gates[3 * size :])
    return let_out * np.tanh(cell), cell


def step(main, extra, states, signal):
    """The prediction after one character, and the new states: (hidden, cell) of each layer."""
    signal, new = signal * extra[0], []
    for k, (hidden, cell) in enumerate(states):
        signal, cell = layer(main[2 * k], main[2 * k + 1], hidden, cell, signal)
        new.append((signal, cell))
    return signal * extra[1] + extra[2], new


def log_loss(prediction, wanted):
    return np.sum(wanted * (prediction - np.log(2.0 + np.sum(np.exp(prediction)))))


def objective(main, extra, state, sequence):
    states = [(state[k], state[k + 1]) for k in range(0, state.shape[0], 2)]
    total = 0.0
    for t in range(sequence.shape[0] - 1):
        prediction, states = step(main, extra, states, sequence[t])
        total = total + log_loss(prediction, sequence[t + 1])
    return -total / (sequence.shape[1] * (sequence.shape[0] - 1))


def example(layers: int = 2, characters: int = 1024, bits: int = 14, seed: int = 0) -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(seed)
    main, extra = random.uniform(size=(2 * layers, 4 * bits)), random.uniform(size=(3, bits))
    sequence = random.integers(0, 2, (characters, bits)).astype(float)
    return main, extra, random.uniform(size=(2 * layers, bits)), sequence
