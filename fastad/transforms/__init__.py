"""The transforms: a function in, a function that returns derivatives out.

Each transform flattens its arguments, lets a `Replayer` find or record the tape, runs sweeps on flat
arrays and puts the results back into containers. Called while another function is being recorded, a
transform records its derivative into that recording instead (`fastad.derive`), so transforms nest.
"""
