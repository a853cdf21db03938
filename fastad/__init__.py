"""fastad: exact derivatives of NumPy functions from flat tapes and compiled sweeps."""

from fastad import errors as errors
from fastad import sparsity as sparsity
from fastad import testing as testing
from fastad.debug import debug_nans as debug_nans
from fastad.implicit import argmin as argmin
from fastad.implicit import fixed_point as fixed_point
from fastad.implicit import root as root
from fastad.kinks import Kink as Kink
from fastad.kinks import kinks as kinks
from fastad.primitive_api import primitive as primitive
from fastad.tape import Tape as Tape
from fastad.threads import settings as settings
from fastad.transforms.bind import bind as bind
from fastad.transforms.compiled import njit_grad as njit_grad
from fastad.transforms.compiled import njit_jvp as njit_jvp
from fastad.transforms.compiled import njit_value_and_grad as njit_value_and_grad
from fastad.transforms.gradients import grad as grad
from fastad.transforms.gradients import value_and_grad as value_and_grad
from fastad.transforms.hessians import hessian as hessian
from fastad.transforms.jacobians import jacobian as jacobian
from fastad.transforms.objective import objective as objective
from fastad.transforms.products import directional_derivative as directional_derivative
from fastad.transforms.products import jvp as jvp
from fastad.transforms.products import vjp as vjp
from fastad.transforms.recording import record as record
from fastad.transforms.recording import stop_gradient as stop_gradient
from fastad.transforms.recording import warmup as warmup
from fastad.transforms.second_products import gauss_newton_product as gauss_newton_product
from fastad.transforms.second_products import hvp as hvp
from fastad.transforms.second_products import vhp as vhp
from fastad.transforms.sparse import sparse_hessian as sparse_hessian
from fastad.transforms.sparse import sparse_jacobian as sparse_jacobian
from fastad.transforms.taylor import taylor as taylor
from fastad.transforms.vmap import vmap as vmap

__version__ = "0.1.0"
