"""fastad: exact derivatives of NumPy functions from flat tapes and compiled sweeps."""

from fastad import errors as errors
from fastad.replay import settings as settings
from fastad.tape import Tape as Tape
from fastad.transforms import directional_derivative as directional_derivative
from fastad.transforms import grad as grad
from fastad.transforms import hessian as hessian
from fastad.transforms import hvp as hvp
from fastad.transforms import jacobian as jacobian
from fastad.transforms import jvp as jvp
from fastad.transforms import record as record
from fastad.transforms import stop_gradient as stop_gradient
from fastad.transforms import value_and_grad as value_and_grad
from fastad.transforms import vjp as vjp
from fastad.transforms import warmup as warmup

__version__ = "0.1.0"
