"""GENERATED from fastad/ops.py by `python -m fastad._codegen`: edit the row, not this file.

The kernels in which an opcode means a formula. Each is compiled on its own and called by address
(`fastad.kernels`), with raw pointers: `values` are the slots, `work` a workspace in which x, y, w, z
and the targets are offsets.
"""

import math

import numpy as np

from fastad.kernels.vector_math import (
    fast_arccos,
    fast_arccosh,
    fast_arcsin,
    fast_arcsinh,
    fast_arctan,
    fast_arctan2,
    fast_arctanh,
    fast_cbrt,
    fast_cos,
    fast_cosh,
    fast_erf,
    fast_erfc,
    fast_exp,
    fast_exp2,
    fast_expm1,
    fast_hypot,
    fast_log,
    fast_log10,
    fast_log1p,
    fast_log2,
    fast_power,
    fast_sech,
    fast_sin,
    fast_sinh,
    fast_tan,
    fast_tanh,
    fits_arccos,
    fits_arccosh,
    fits_arcsin,
    fits_arcsinh,
    fits_arctan,
    fits_arctan2,
    fits_arctanh,
    fits_cbrt,
    fits_cos,
    fits_cosh,
    fits_erf,
    fits_erfc,
    fits_exp,
    fits_exp2,
    fits_expm1,
    fits_hypot,
    fits_log,
    fits_log10,
    fits_log1p,
    fits_log2,
    fits_power,
    fits_sech,
    fits_sin,
    fits_sinh,
    fits_tan,
    fits_tanh,
    sech
)


def scalar_primal(opcode, left, right, start, stop, first, values, target):
    for i in range(start, stop):
        op = opcode[i]
        a = values[left[i]]
        b = values[right[i]]
        if op == 0:  # add
            v = a + b
        elif op == 1:  # subtract
            v = a - b
        elif op == 2:  # multiply
            v = a * b
        elif op == 3:  # divide
            v = a / b
        elif op == 4:  # negative
            v = -a
        elif op == 5 or op == 55:  # copy, stop_gradient
            v = a
        elif op == 6:  # absolute_zero_multiply
            v = 0.0 if a == 0.0 or b == 0.0 else a * b
        elif op == 7:  # absolute
            v = abs(a)
        elif op == 8:  # square
            v = a * a
        elif op == 9:  # reciprocal
            v = 1.0 / a
        elif op == 10:  # sqrt
            v = math.sqrt(a)
        elif op == 11:  # cbrt
            v = np.cbrt(a)
        elif op == 12 or op == 13:  # power, power_constant
            v = a ** b
        elif op == 14:  # exp
            v = math.exp(a)
        elif op == 15:  # exp2
            v = np.exp2(a)
        elif op == 16:  # expm1
            v = math.expm1(a)
        elif op == 17:  # log
            v = math.log(a)
        elif op == 18:  # log2
            v = np.log2(a)
        elif op == 19:  # log10
            v = math.log10(a)
        elif op == 20:  # log1p
            v = math.log1p(a)
        elif op == 21:  # logaddexp
            v = a + 0.6931471805599453 if a == b else (a if a > b else b) + math.log1p(math.exp(-abs(a - b)))
        elif op == 22:  # logaddexp2
            v = a + 1.0 if a == b else (a if a > b else b) + math.log1p(np.exp2(-abs(a - b))) / 0.6931471805599453
        elif op == 23:  # sin
            v = math.sin(a)
        elif op == 24:  # cos
            v = math.cos(a)
        elif op == 25:  # tan
            v = math.tan(a)
        elif op == 26:  # arcsin
            v = math.asin(a)
        elif op == 27:  # arccos
            v = math.acos(a)
        elif op == 28:  # arctan
            v = math.atan(a)
        elif op == 29:  # arctan2
            v = math.atan2(a, b)
        elif op == 30:  # sinh
            v = math.sinh(a)
        elif op == 31:  # cosh
            v = math.cosh(a)
        elif op == 32:  # tanh
            v = math.tanh(a)
        elif op == 33:  # arcsinh
            v = math.asinh(a)
        elif op == 34:  # arccosh
            v = math.acosh(a)
        elif op == 35:  # arctanh
            v = math.atanh(a)
        elif op == 36:  # hypot
            v = math.hypot(a, b)
        elif op == 37:  # erf
            v = math.erf(a)
        elif op == 38:  # erfc
            v = math.erfc(a)
        elif op == 39:  # expit
            e = math.exp(-a if a >= 0.0 else a)
            p = 1.0 / (1.0 + e) if a >= 0.0 else e / (1.0 + e)
            v = p
        elif op == 40:  # maximum
            v = a if a >= b or a != a else b
        elif op == 41:  # minimum
            v = a if a <= b or a != a else b
        elif op == 42:  # fmax
            v = a if a >= b or b != b else b
        elif op == 43:  # fmin
            v = a if a <= b or b != b else b
        elif op == 45:  # copysign
            v = math.copysign(a, b)
        elif op == 46:  # heaviside
            v = 0.0 if a < 0.0 else b if a == 0.0 else 1.0 if a > 0.0 else np.nan
        elif op == 47:  # sign
            v = np.sign(a)
        elif op == 48:  # floor
            v = np.floor(a)
        elif op == 49:  # ceil
            v = np.ceil(a)
        elif op == 50:  # trunc
            v = np.trunc(a)
        elif op == 51:  # rint
            v = np.rint(a)
        elif op == 52:  # floor_divide
            m = np.fmod(a, b)
            q = (a - m) / b - 1.0 if m != 0.0 and (b < 0.0) != (m < 0.0) else (a - m) / b
            v = a / b if b == 0.0 else np.floor(q) + 1.0 if q - np.floor(q) > 0.5 else np.floor(q)
        elif op == 53:  # remainder
            m = np.fmod(a, b)
            v = m + b if m != 0.0 and (b < 0.0) != (m < 0.0) else m if m != 0.0 else math.copysign(m, b)
        elif op == 54:  # fmod
            v = np.fmod(a, b)
        elif op == 64:  # less
            v = 1.0 if a < b else 0.0
        elif op == 65:  # less_equal
            v = 1.0 if a <= b else 0.0
        elif op == 66:  # greater
            v = 1.0 if a > b else 0.0
        elif op == 67:  # greater_equal
            v = 1.0 if a >= b else 0.0
        elif op == 68:  # equal
            v = 1.0 if a == b else 0.0
        elif op == 69:  # not_equal
            v = 1.0 if a != b else 0.0
        elif op == 70:  # logical_and
            v = 1.0 if a != 0.0 and b != 0.0 else 0.0
        elif op == 71:  # logical_or
            v = 1.0 if a != 0.0 or b != 0.0 else 0.0
        elif op == 72:  # logical_xor
            v = 1.0 if (a != 0.0) != (b != 0.0) else 0.0
        elif op == 73:  # logical_not
            v = 1.0 if a == 0.0 else 0.0
        elif op == 74:  # isnan
            v = 1.0 if a != a else 0.0
        elif op == 75:  # isinf
            v = 1.0 if abs(a) == np.inf else 0.0
        elif op == 76:  # isfinite
            v = 1.0 if abs(a) < np.inf else 0.0
        elif op == 77:  # signbit
            v = 1.0 if math.copysign(1.0, a) < 0.0 else 0.0
        else:
            v = np.nan
        values[first + i - start] = v


def scalar_linearize(opcode, left, right, start, stop, first, values, target):
    for i in range(start, stop):
        op = opcode[i]
        a = values[left[i]]
        b = values[right[i]]
        if op == 0:  # add
            v = a + b
            da = 1.0
            db = 1.0
        elif op == 1:  # subtract
            v = a - b
            da = 1.0
            db = -1.0
        elif op == 2:  # multiply
            v = a * b
            da = b
            db = a
        elif op == 3:  # divide
            v = a / b
            da = 1.0 / b
            db = -v / b
        elif op == 4:  # negative
            v = -a
            da = -1.0
            db = 0.0
        elif op == 5:  # copy
            v = a
            da = 1.0
            db = 0.0
        elif op == 6:  # absolute_zero_multiply
            v = 0.0 if a == 0.0 or b == 0.0 else a * b
            da = b
            db = a
        elif op == 7:  # absolute
            v = abs(a)
            da = np.sign(a)
            db = 0.0
        elif op == 8:  # square
            v = a * a
            da = 2.0 * a
            db = 0.0
        elif op == 9:  # reciprocal
            v = 1.0 / a
            da = -v * v
            db = 0.0
        elif op == 10:  # sqrt
            v = math.sqrt(a)
            da = 0.5 / abs(v)
            db = 0.0
        elif op == 11:  # cbrt
            v = np.cbrt(a)
            da = 1.0 / (3.0 * v * v)
            db = 0.0
        elif op == 12:  # power
            v = a ** b
            p = v / a if abs(v) > 2.3e-308 and abs(v) < np.inf else a ** (b - 1.0)
            da = b * p if b != 0.0 or abs(p) < np.inf else 0.0
            db = 0.0 if a == 0.0 and b >= 0.0 else v * math.log(a)
        elif op == 13:  # power_constant
            v = a ** b
            p = v / a if abs(v) > 2.3e-308 and abs(v) < np.inf else a ** (b - 1.0)
            da = b * p if b != 0.0 or abs(p) < np.inf else 0.0
            db = 0.0
        elif op == 14:  # exp
            v = math.exp(a)
            da = v
            db = 0.0
        elif op == 15:  # exp2
            v = np.exp2(a)
            da = 0.6931471805599453 * v
            db = 0.0
        elif op == 16:  # expm1
            v = math.expm1(a)
            da = math.exp(a)
            db = 0.0
        elif op == 17:  # log
            v = math.log(a)
            da = 1.0 / a if a >= 0.0 else np.nan
            db = 0.0
        elif op == 18:  # log2
            v = np.log2(a)
            da = 1.0 / 0.6931471805599453 / a if a >= 0.0 else np.nan
            db = 0.0
        elif op == 19:  # log10
            v = math.log10(a)
            da = 1.0 / 2.302585092994046 / a if a >= 0.0 else np.nan
            db = 0.0
        elif op == 20:  # log1p
            v = math.log1p(a)
            da = 1.0 / (1.0 + a) if a >= -1.0 else np.nan
            db = 0.0
        elif op == 21:  # logaddexp
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(d) * (1.0 + e))
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(-d) * (1.0 - e))
            v = a + 0.6931471805599453 if a == b else (a if a > b else b) + math.log1p(math.exp(-abs(a - b)))
            da = p
            db = q
        elif op == 22:  # logaddexp2
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(d) * (1.0 + 0.6931471805599453 * e))
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(-d) * (1.0 - 0.6931471805599453 * e))
            v = a + 1.0 if a == b else (a if a > b else b) + math.log1p(np.exp2(-abs(a - b))) / 0.6931471805599453
            da = p
            db = q
        elif op == 23:  # sin
            v = math.sin(a)
            da = math.cos(a)
            db = 0.0
        elif op == 24:  # cos
            v = math.cos(a)
            da = -math.sin(a)
            db = 0.0
        elif op == 25:  # tan
            v = math.tan(a)
            da = 1.0 + v * v
            db = 0.0
        elif op == 26:  # arcsin
            p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
            v = math.asin(a)
            da = p
            db = 0.0
        elif op == 27:  # arccos
            p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
            v = math.acos(a)
            da = -p
            db = 0.0
        elif op == 28:  # arctan
            p = 1.0 / (1.0 + a * a)
            v = math.atan(a)
            da = p
            db = 0.0
        elif op == 29:  # arctan2
            r = math.hypot(a, b)
            t = a / r if r != 0.0 else 0.0
            s = b / r if r != 0.0 else 0.0
            v = math.atan2(a, b)
            da = s / r if r != 0.0 else 0.0
            db = -t / r if r != 0.0 else 0.0
        elif op == 30:  # sinh
            v = math.sinh(a)
            da = math.cosh(a)
            db = 0.0
        elif op == 31:  # cosh
            v = math.cosh(a)
            da = math.sinh(a)
            db = 0.0
        elif op == 32:  # tanh
            u = sech(a)
            v = math.tanh(a)
            da = u * u
            db = 0.0
        elif op == 33:  # arcsinh
            p = 1.0 / math.hypot(1.0, a)
            v = math.asinh(a)
            da = p
            db = 0.0
        elif op == 34:  # arccosh
            p = 1.0 / (math.sqrt(a - 1.0) * math.sqrt(a + 1.0))
            v = math.acosh(a)
            da = p
            db = 0.0
        elif op == 35:  # arctanh
            p = 1.0 / ((1.0 - a) * (1.0 + a)) if abs(a) <= 1.0 else np.nan
            v = math.atanh(a)
            da = p
            db = 0.0
        elif op == 36:  # hypot
            v = math.hypot(a, b)
            t = a / v if v != 0.0 else 0.0
            s = b / v if v != 0.0 else 0.0
            da = t
            db = s
        elif op == 37:  # erf
            h = np.rint(a * 16.0) / 16.0
            g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * math.exp(-h * h) * math.exp((h - a) * (h + a))
            v = math.erf(a)
            da = g
            db = 0.0
        elif op == 38:  # erfc
            h = np.rint(a * 16.0) / 16.0
            g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * math.exp(-h * h) * math.exp((h - a) * (h + a))
            v = math.erfc(a)
            da = -g
            db = 0.0
        elif op == 39:  # expit
            e = math.exp(-a if a >= 0.0 else a)
            p = 1.0 / (1.0 + e) if a >= 0.0 else e / (1.0 + e)
            q = e / (1.0 + e) if a >= 0.0 else 1.0 / (1.0 + e)
            v = p
            da = p * q
            db = 0.0
        elif op == 40:  # maximum
            v = a if a >= b or a != a else b
            da = 1.0 if a > b else 0.5 if a == b else 0.0 if a < b else np.nan
            db = 1.0 if a < b else 0.5 if a == b else 0.0 if a > b else np.nan
        elif op == 41:  # minimum
            v = a if a <= b or a != a else b
            da = 1.0 if a < b else 0.5 if a == b else 0.0 if a > b else np.nan
            db = 1.0 if a > b else 0.5 if a == b else 0.0 if a < b else np.nan
        elif op == 42:  # fmax
            v = a if a >= b or b != b else b
            da = 1.0 if a > b or b != b else 0.5 if a == b else 0.0
            db = 1.0 if a < b or (a != a and b == b) else 0.5 if a == b else 0.0
        elif op == 43:  # fmin
            v = a if a <= b or b != b else b
            da = 1.0 if a < b or b != b else 0.5 if a == b else 0.0
            db = 1.0 if a > b or (a != a and b == b) else 0.5 if a == b else 0.0
        elif op == 45:  # copysign
            v = math.copysign(a, b)
            da = math.copysign(1.0, a) * math.copysign(1.0, b)
            db = 0.0
        elif op == 46:  # heaviside
            v = 0.0 if a < 0.0 else b if a == 0.0 else 1.0 if a > 0.0 else np.nan
            da = 0.0
            db = 1.0 if a == 0.0 else 0.0
        elif op == 47:  # sign
            v = np.sign(a)
            da = 0.0
            db = 0.0
        elif op == 48:  # floor
            v = np.floor(a)
            da = 0.0
            db = 0.0
        elif op == 49:  # ceil
            v = np.ceil(a)
            da = 0.0
            db = 0.0
        elif op == 50:  # trunc
            v = np.trunc(a)
            da = 0.0
            db = 0.0
        elif op == 51:  # rint
            v = np.rint(a)
            da = 0.0
            db = 0.0
        elif op == 52:  # floor_divide
            m = np.fmod(a, b)
            q = (a - m) / b - 1.0 if m != 0.0 and (b < 0.0) != (m < 0.0) else (a - m) / b
            v = a / b if b == 0.0 else np.floor(q) + 1.0 if q - np.floor(q) > 0.5 else np.floor(q)
            da = 0.0
            db = 0.0
        elif op == 53:  # remainder
            m = np.fmod(a, b)
            v = m + b if m != 0.0 and (b < 0.0) != (m < 0.0) else m if m != 0.0 else math.copysign(m, b)
            da = 1.0
            db = (1.0 if m != 0.0 and (b < 0.0) != (m < 0.0) else 0.0) - np.rint(a / b - m / b)
        elif op == 54:  # fmod
            v = np.fmod(a, b)
            da = 1.0
            db = -np.rint(a / b - v / b)
        elif op == 55:  # stop_gradient
            v = a
            da = 0.0
            db = 0.0
        elif op == 64:  # less
            v = 1.0 if a < b else 0.0
            da = 0.0
            db = 0.0
        elif op == 65:  # less_equal
            v = 1.0 if a <= b else 0.0
            da = 0.0
            db = 0.0
        elif op == 66:  # greater
            v = 1.0 if a > b else 0.0
            da = 0.0
            db = 0.0
        elif op == 67:  # greater_equal
            v = 1.0 if a >= b else 0.0
            da = 0.0
            db = 0.0
        elif op == 68:  # equal
            v = 1.0 if a == b else 0.0
            da = 0.0
            db = 0.0
        elif op == 69:  # not_equal
            v = 1.0 if a != b else 0.0
            da = 0.0
            db = 0.0
        elif op == 70:  # logical_and
            v = 1.0 if a != 0.0 and b != 0.0 else 0.0
            da = 0.0
            db = 0.0
        elif op == 71:  # logical_or
            v = 1.0 if a != 0.0 or b != 0.0 else 0.0
            da = 0.0
            db = 0.0
        elif op == 72:  # logical_xor
            v = 1.0 if (a != 0.0) != (b != 0.0) else 0.0
            da = 0.0
            db = 0.0
        elif op == 73:  # logical_not
            v = 1.0 if a == 0.0 else 0.0
            da = 0.0
            db = 0.0
        elif op == 74:  # isnan
            v = 1.0 if a != a else 0.0
            da = 0.0
            db = 0.0
        elif op == 75:  # isinf
            v = 1.0 if abs(a) == np.inf else 0.0
            da = 0.0
            db = 0.0
        elif op == 76:  # isfinite
            v = 1.0 if abs(a) < np.inf else 0.0
            da = 0.0
            db = 0.0
        elif op == 77:  # signbit
            v = 1.0 if math.copysign(1.0, a) < 0.0 else 0.0
            da = 0.0
            db = 0.0
        else:
            v = np.nan
            da = np.nan
            db = np.nan
        values[first + i - start] = v
        target[2 * i] = da
        target[2 * i + 1] = db


def scalar_and_slope_primal(opcode, left, right, start, stop, first, values, target):
    for i in range(start, stop):
        op = opcode[i]
        a = values[left[i]]
        b = values[right[i]]
        if op == 0:  # add
            v = a + b
        elif op == 1:  # subtract
            v = a - b
        elif op == 2:  # multiply
            v = a * b
        elif op == 3:  # divide
            v = a / b
        elif op == 4:  # negative
            v = -a
        elif op == 5 or op == 55:  # copy, stop_gradient
            v = a
        elif op == 6:  # absolute_zero_multiply
            v = 0.0 if a == 0.0 or b == 0.0 else a * b
        elif op == 7:  # absolute
            v = abs(a)
        elif op == 8:  # square
            v = a * a
        elif op == 9:  # reciprocal
            v = 1.0 / a
        elif op == 10:  # sqrt
            v = math.sqrt(a)
        elif op == 11:  # cbrt
            v = np.cbrt(a)
        elif op == 12 or op == 13:  # power, power_constant
            v = a ** b
        elif op == 14:  # exp
            v = math.exp(a)
        elif op == 15:  # exp2
            v = np.exp2(a)
        elif op == 16:  # expm1
            v = math.expm1(a)
        elif op == 17:  # log
            v = math.log(a)
        elif op == 18:  # log2
            v = np.log2(a)
        elif op == 19:  # log10
            v = math.log10(a)
        elif op == 20:  # log1p
            v = math.log1p(a)
        elif op == 21:  # logaddexp
            v = a + 0.6931471805599453 if a == b else (a if a > b else b) + math.log1p(math.exp(-abs(a - b)))
        elif op == 22:  # logaddexp2
            v = a + 1.0 if a == b else (a if a > b else b) + math.log1p(np.exp2(-abs(a - b))) / 0.6931471805599453
        elif op == 23:  # sin
            v = math.sin(a)
        elif op == 24:  # cos
            v = math.cos(a)
        elif op == 25:  # tan
            v = math.tan(a)
        elif op == 26:  # arcsin
            v = math.asin(a)
        elif op == 27:  # arccos
            v = math.acos(a)
        elif op == 28:  # arctan
            v = math.atan(a)
        elif op == 29:  # arctan2
            v = math.atan2(a, b)
        elif op == 30:  # sinh
            v = math.sinh(a)
        elif op == 31:  # cosh
            v = math.cosh(a)
        elif op == 32:  # tanh
            v = math.tanh(a)
        elif op == 33:  # arcsinh
            v = math.asinh(a)
        elif op == 34:  # arccosh
            v = math.acosh(a)
        elif op == 35:  # arctanh
            v = math.atanh(a)
        elif op == 36:  # hypot
            v = math.hypot(a, b)
        elif op == 37:  # erf
            v = math.erf(a)
        elif op == 38:  # erfc
            v = math.erfc(a)
        elif op == 39:  # expit
            e = math.exp(-a if a >= 0.0 else a)
            p = 1.0 / (1.0 + e) if a >= 0.0 else e / (1.0 + e)
            v = p
        elif op == 40:  # maximum
            v = a if a >= b or a != a else b
        elif op == 41:  # minimum
            v = a if a <= b or a != a else b
        elif op == 42:  # fmax
            v = a if a >= b or b != b else b
        elif op == 43:  # fmin
            v = a if a <= b or b != b else b
        elif op == 45:  # copysign
            v = math.copysign(a, b)
        elif op == 46:  # heaviside
            v = 0.0 if a < 0.0 else b if a == 0.0 else 1.0 if a > 0.0 else np.nan
        elif op == 47:  # sign
            v = np.sign(a)
        elif op == 48:  # floor
            v = np.floor(a)
        elif op == 49:  # ceil
            v = np.ceil(a)
        elif op == 50:  # trunc
            v = np.trunc(a)
        elif op == 51:  # rint
            v = np.rint(a)
        elif op == 52:  # floor_divide
            m = np.fmod(a, b)
            q = (a - m) / b - 1.0 if m != 0.0 and (b < 0.0) != (m < 0.0) else (a - m) / b
            v = a / b if b == 0.0 else np.floor(q) + 1.0 if q - np.floor(q) > 0.5 else np.floor(q)
        elif op == 53:  # remainder
            m = np.fmod(a, b)
            v = m + b if m != 0.0 and (b < 0.0) != (m < 0.0) else m if m != 0.0 else math.copysign(m, b)
        elif op == 54:  # fmod
            v = np.fmod(a, b)
        elif op == 64:  # less
            v = 1.0 if a < b else 0.0
        elif op == 65:  # less_equal
            v = 1.0 if a <= b else 0.0
        elif op == 66:  # greater
            v = 1.0 if a > b else 0.0
        elif op == 67:  # greater_equal
            v = 1.0 if a >= b else 0.0
        elif op == 68:  # equal
            v = 1.0 if a == b else 0.0
        elif op == 69:  # not_equal
            v = 1.0 if a != b else 0.0
        elif op == 70:  # logical_and
            v = 1.0 if a != 0.0 and b != 0.0 else 0.0
        elif op == 71:  # logical_or
            v = 1.0 if a != 0.0 or b != 0.0 else 0.0
        elif op == 72:  # logical_xor
            v = 1.0 if (a != 0.0) != (b != 0.0) else 0.0
        elif op == 73:  # logical_not
            v = 1.0 if a == 0.0 else 0.0
        elif op == 74:  # isnan
            v = 1.0 if a != a else 0.0
        elif op == 75:  # isinf
            v = 1.0 if abs(a) == np.inf else 0.0
        elif op == 76:  # isfinite
            v = 1.0 if abs(a) < np.inf else 0.0
        elif op == 77:  # signbit
            v = 1.0 if math.copysign(1.0, a) < 0.0 else 0.0
        elif op == 105:  # sqrt_slope
            f = math.sqrt(a)
            v = 0.5 / abs(f)
        elif op == 106:  # cbrt_slope
            f = np.cbrt(a)
            v = 1.0 / (3.0 * f * f)
        elif op == 80 or op == 82:  # power_slope_a, power_constant_slope
            f = a ** b
            p = f / a if abs(f) > 2.3e-308 and abs(f) < np.inf else a ** (b - 1.0)
            v = b * p if b != 0.0 or abs(p) < np.inf else 0.0
        elif op == 81:  # power_slope_b
            f = a ** b
            v = 0.0 if a == 0.0 and b >= 0.0 else f * math.log(a)
        elif op == 83:  # log_slope
            v = 1.0 / a if a >= 0.0 else np.nan
        elif op == 84:  # log2_slope
            v = 1.0 / 0.6931471805599453 / a if a >= 0.0 else np.nan
        elif op == 85:  # log10_slope
            v = 1.0 / 2.302585092994046 / a if a >= 0.0 else np.nan
        elif op == 86:  # log1p_slope
            v = 1.0 / (1.0 + a) if a >= -1.0 else np.nan
        elif op == 87:  # logaddexp_slope_a
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(d) * (1.0 + e))
            v = p
        elif op == 88:  # logaddexp_slope_b
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(-d) * (1.0 - e))
            v = q
        elif op == 89:  # logaddexp2_slope_a
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(d) * (1.0 + 0.6931471805599453 * e))
            v = p
        elif op == 90:  # logaddexp2_slope_b
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(-d) * (1.0 - 0.6931471805599453 * e))
            v = q
        elif op == 91:  # arcsin_slope
            p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
            v = p
        elif op == 92:  # arccos_slope
            p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
            v = -p
        elif op == 93:  # arctan_slope
            p = 1.0 / (1.0 + a * a)
            v = p
        elif op == 94:  # arctan2_slope_a
            r = math.hypot(a, b)
            s = b / r if r != 0.0 else 0.0
            v = s / r if r != 0.0 else 0.0
        elif op == 95:  # arctan2_slope_b
            r = math.hypot(a, b)
            t = a / r if r != 0.0 else 0.0
            v = -t / r if r != 0.0 else 0.0
        elif op == 96:  # tanh_slope
            u = sech(a)
            v = u * u
        elif op == 97:  # arcsinh_slope
            p = 1.0 / math.hypot(1.0, a)
            v = p
        elif op == 98:  # arccosh_slope
            p = 1.0 / (math.sqrt(a - 1.0) * math.sqrt(a + 1.0))
            v = p
        elif op == 99:  # arctanh_slope
            p = 1.0 / ((1.0 - a) * (1.0 + a)) if abs(a) <= 1.0 else np.nan
            v = p
        elif op == 100:  # hypot_slope_a
            f = math.hypot(a, b)
            t = a / f if f != 0.0 else 0.0
            v = t
        elif op == 101:  # hypot_slope_b
            f = math.hypot(a, b)
            s = b / f if f != 0.0 else 0.0
            v = s
        elif op == 102:  # erf_slope
            h = np.rint(a * 16.0) / 16.0
            g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * math.exp(-h * h) * math.exp((h - a) * (h + a))
            v = g
        elif op == 103:  # erfc_slope
            h = np.rint(a * 16.0) / 16.0
            g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * math.exp(-h * h) * math.exp((h - a) * (h + a))
            v = -g
        elif op == 104:  # expit_slope
            e = math.exp(-a if a >= 0.0 else a)
            p = 1.0 / (1.0 + e) if a >= 0.0 else e / (1.0 + e)
            q = e / (1.0 + e) if a >= 0.0 else 1.0 / (1.0 + e)
            v = p * q
        else:
            v = np.nan
        values[first + i - start] = v


def scalar_and_slope_linearize(opcode, left, right, start, stop, first, values, target):
    for i in range(start, stop):
        op = opcode[i]
        a = values[left[i]]
        b = values[right[i]]
        if op == 0:  # add
            v = a + b
            da = 1.0
            db = 1.0
        elif op == 1:  # subtract
            v = a - b
            da = 1.0
            db = -1.0
        elif op == 2:  # multiply
            v = a * b
            da = b
            db = a
        elif op == 3:  # divide
            v = a / b
            da = 1.0 / b
            db = -v / b
        elif op == 4:  # negative
            v = -a
            da = -1.0
            db = 0.0
        elif op == 5:  # copy
            v = a
            da = 1.0
            db = 0.0
        elif op == 6:  # absolute_zero_multiply
            v = 0.0 if a == 0.0 or b == 0.0 else a * b
            da = b
            db = a
        elif op == 7:  # absolute
            v = abs(a)
            da = np.sign(a)
            db = 0.0
        elif op == 8:  # square
            v = a * a
            da = 2.0 * a
            db = 0.0
        elif op == 9:  # reciprocal
            v = 1.0 / a
            da = -v * v
            db = 0.0
        elif op == 10:  # sqrt
            v = math.sqrt(a)
            da = 0.5 / abs(v)
            db = 0.0
        elif op == 11:  # cbrt
            v = np.cbrt(a)
            da = 1.0 / (3.0 * v * v)
            db = 0.0
        elif op == 12:  # power
            v = a ** b
            p = v / a if abs(v) > 2.3e-308 and abs(v) < np.inf else a ** (b - 1.0)
            da = b * p if b != 0.0 or abs(p) < np.inf else 0.0
            db = 0.0 if a == 0.0 and b >= 0.0 else v * math.log(a)
        elif op == 13:  # power_constant
            v = a ** b
            p = v / a if abs(v) > 2.3e-308 and abs(v) < np.inf else a ** (b - 1.0)
            da = b * p if b != 0.0 or abs(p) < np.inf else 0.0
            db = 0.0
        elif op == 14:  # exp
            v = math.exp(a)
            da = v
            db = 0.0
        elif op == 15:  # exp2
            v = np.exp2(a)
            da = 0.6931471805599453 * v
            db = 0.0
        elif op == 16:  # expm1
            v = math.expm1(a)
            da = math.exp(a)
            db = 0.0
        elif op == 17:  # log
            v = math.log(a)
            da = 1.0 / a if a >= 0.0 else np.nan
            db = 0.0
        elif op == 18:  # log2
            v = np.log2(a)
            da = 1.0 / 0.6931471805599453 / a if a >= 0.0 else np.nan
            db = 0.0
        elif op == 19:  # log10
            v = math.log10(a)
            da = 1.0 / 2.302585092994046 / a if a >= 0.0 else np.nan
            db = 0.0
        elif op == 20:  # log1p
            v = math.log1p(a)
            da = 1.0 / (1.0 + a) if a >= -1.0 else np.nan
            db = 0.0
        elif op == 21:  # logaddexp
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(d) * (1.0 + e))
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(-d) * (1.0 - e))
            v = a + 0.6931471805599453 if a == b else (a if a > b else b) + math.log1p(math.exp(-abs(a - b)))
            da = p
            db = q
        elif op == 22:  # logaddexp2
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(d) * (1.0 + 0.6931471805599453 * e))
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(-d) * (1.0 - 0.6931471805599453 * e))
            v = a + 1.0 if a == b else (a if a > b else b) + math.log1p(np.exp2(-abs(a - b))) / 0.6931471805599453
            da = p
            db = q
        elif op == 23:  # sin
            v = math.sin(a)
            da = math.cos(a)
            db = 0.0
        elif op == 24:  # cos
            v = math.cos(a)
            da = -math.sin(a)
            db = 0.0
        elif op == 25:  # tan
            v = math.tan(a)
            da = 1.0 + v * v
            db = 0.0
        elif op == 26:  # arcsin
            p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
            v = math.asin(a)
            da = p
            db = 0.0
        elif op == 27:  # arccos
            p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
            v = math.acos(a)
            da = -p
            db = 0.0
        elif op == 28:  # arctan
            p = 1.0 / (1.0 + a * a)
            v = math.atan(a)
            da = p
            db = 0.0
        elif op == 29:  # arctan2
            r = math.hypot(a, b)
            t = a / r if r != 0.0 else 0.0
            s = b / r if r != 0.0 else 0.0
            v = math.atan2(a, b)
            da = s / r if r != 0.0 else 0.0
            db = -t / r if r != 0.0 else 0.0
        elif op == 30:  # sinh
            v = math.sinh(a)
            da = math.cosh(a)
            db = 0.0
        elif op == 31:  # cosh
            v = math.cosh(a)
            da = math.sinh(a)
            db = 0.0
        elif op == 32:  # tanh
            u = sech(a)
            v = math.tanh(a)
            da = u * u
            db = 0.0
        elif op == 33:  # arcsinh
            p = 1.0 / math.hypot(1.0, a)
            v = math.asinh(a)
            da = p
            db = 0.0
        elif op == 34:  # arccosh
            p = 1.0 / (math.sqrt(a - 1.0) * math.sqrt(a + 1.0))
            v = math.acosh(a)
            da = p
            db = 0.0
        elif op == 35:  # arctanh
            p = 1.0 / ((1.0 - a) * (1.0 + a)) if abs(a) <= 1.0 else np.nan
            v = math.atanh(a)
            da = p
            db = 0.0
        elif op == 36:  # hypot
            v = math.hypot(a, b)
            t = a / v if v != 0.0 else 0.0
            s = b / v if v != 0.0 else 0.0
            da = t
            db = s
        elif op == 37:  # erf
            h = np.rint(a * 16.0) / 16.0
            g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * math.exp(-h * h) * math.exp((h - a) * (h + a))
            v = math.erf(a)
            da = g
            db = 0.0
        elif op == 38:  # erfc
            h = np.rint(a * 16.0) / 16.0
            g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * math.exp(-h * h) * math.exp((h - a) * (h + a))
            v = math.erfc(a)
            da = -g
            db = 0.0
        elif op == 39:  # expit
            e = math.exp(-a if a >= 0.0 else a)
            p = 1.0 / (1.0 + e) if a >= 0.0 else e / (1.0 + e)
            q = e / (1.0 + e) if a >= 0.0 else 1.0 / (1.0 + e)
            v = p
            da = p * q
            db = 0.0
        elif op == 40:  # maximum
            v = a if a >= b or a != a else b
            da = 1.0 if a > b else 0.5 if a == b else 0.0 if a < b else np.nan
            db = 1.0 if a < b else 0.5 if a == b else 0.0 if a > b else np.nan
        elif op == 41:  # minimum
            v = a if a <= b or a != a else b
            da = 1.0 if a < b else 0.5 if a == b else 0.0 if a > b else np.nan
            db = 1.0 if a > b else 0.5 if a == b else 0.0 if a < b else np.nan
        elif op == 42:  # fmax
            v = a if a >= b or b != b else b
            da = 1.0 if a > b or b != b else 0.5 if a == b else 0.0
            db = 1.0 if a < b or (a != a and b == b) else 0.5 if a == b else 0.0
        elif op == 43:  # fmin
            v = a if a <= b or b != b else b
            da = 1.0 if a < b or b != b else 0.5 if a == b else 0.0
            db = 1.0 if a > b or (a != a and b == b) else 0.5 if a == b else 0.0
        elif op == 45:  # copysign
            v = math.copysign(a, b)
            da = math.copysign(1.0, a) * math.copysign(1.0, b)
            db = 0.0
        elif op == 46:  # heaviside
            v = 0.0 if a < 0.0 else b if a == 0.0 else 1.0 if a > 0.0 else np.nan
            da = 0.0
            db = 1.0 if a == 0.0 else 0.0
        elif op == 47:  # sign
            v = np.sign(a)
            da = 0.0
            db = 0.0
        elif op == 48:  # floor
            v = np.floor(a)
            da = 0.0
            db = 0.0
        elif op == 49:  # ceil
            v = np.ceil(a)
            da = 0.0
            db = 0.0
        elif op == 50:  # trunc
            v = np.trunc(a)
            da = 0.0
            db = 0.0
        elif op == 51:  # rint
            v = np.rint(a)
            da = 0.0
            db = 0.0
        elif op == 52:  # floor_divide
            m = np.fmod(a, b)
            q = (a - m) / b - 1.0 if m != 0.0 and (b < 0.0) != (m < 0.0) else (a - m) / b
            v = a / b if b == 0.0 else np.floor(q) + 1.0 if q - np.floor(q) > 0.5 else np.floor(q)
            da = 0.0
            db = 0.0
        elif op == 53:  # remainder
            m = np.fmod(a, b)
            v = m + b if m != 0.0 and (b < 0.0) != (m < 0.0) else m if m != 0.0 else math.copysign(m, b)
            da = 1.0
            db = (1.0 if m != 0.0 and (b < 0.0) != (m < 0.0) else 0.0) - np.rint(a / b - m / b)
        elif op == 54:  # fmod
            v = np.fmod(a, b)
            da = 1.0
            db = -np.rint(a / b - v / b)
        elif op == 55:  # stop_gradient
            v = a
            da = 0.0
            db = 0.0
        elif op == 64:  # less
            v = 1.0 if a < b else 0.0
            da = 0.0
            db = 0.0
        elif op == 65:  # less_equal
            v = 1.0 if a <= b else 0.0
            da = 0.0
            db = 0.0
        elif op == 66:  # greater
            v = 1.0 if a > b else 0.0
            da = 0.0
            db = 0.0
        elif op == 67:  # greater_equal
            v = 1.0 if a >= b else 0.0
            da = 0.0
            db = 0.0
        elif op == 68:  # equal
            v = 1.0 if a == b else 0.0
            da = 0.0
            db = 0.0
        elif op == 69:  # not_equal
            v = 1.0 if a != b else 0.0
            da = 0.0
            db = 0.0
        elif op == 70:  # logical_and
            v = 1.0 if a != 0.0 and b != 0.0 else 0.0
            da = 0.0
            db = 0.0
        elif op == 71:  # logical_or
            v = 1.0 if a != 0.0 or b != 0.0 else 0.0
            da = 0.0
            db = 0.0
        elif op == 72:  # logical_xor
            v = 1.0 if (a != 0.0) != (b != 0.0) else 0.0
            da = 0.0
            db = 0.0
        elif op == 73:  # logical_not
            v = 1.0 if a == 0.0 else 0.0
            da = 0.0
            db = 0.0
        elif op == 74:  # isnan
            v = 1.0 if a != a else 0.0
            da = 0.0
            db = 0.0
        elif op == 75:  # isinf
            v = 1.0 if abs(a) == np.inf else 0.0
            da = 0.0
            db = 0.0
        elif op == 76:  # isfinite
            v = 1.0 if abs(a) < np.inf else 0.0
            da = 0.0
            db = 0.0
        elif op == 77:  # signbit
            v = 1.0 if math.copysign(1.0, a) < 0.0 else 0.0
            da = 0.0
            db = 0.0
        elif op == 105:  # sqrt_slope
            f = math.sqrt(a)
            v = 0.5 / abs(f)
            da = -0.25 / abs(f) / abs(a)
            db = 0.0
        elif op == 106:  # cbrt_slope
            f = np.cbrt(a)
            v = 1.0 / (3.0 * f * f)
            da = -2.0 / (9.0 * f * f) / a
            db = 0.0
        elif op == 80:  # power_slope_a
            f = a ** b
            p = f / a if abs(f) > 2.3e-308 and abs(f) < np.inf else a ** (b - 1.0)
            q = p / a if abs(p) > 2.3e-308 and abs(p) < np.inf else a ** (b - 2.0)
            v = b * p if b != 0.0 or abs(p) < np.inf else 0.0
            da = b * (b - 1.0) * q if b != 0.0 and b != 1.0 or abs(q) < np.inf else 0.0
            db = 0.0 if a == 0.0 and b > 1.0 else p * (1.0 + b * math.log(a))
        elif op == 81:  # power_slope_b
            f = a ** b
            p = f / a if abs(f) > 2.3e-308 and abs(f) < np.inf else a ** (b - 1.0)
            v = 0.0 if a == 0.0 and b >= 0.0 else f * math.log(a)
            da = 0.0 if a == 0.0 and b > 1.0 else p * (1.0 + b * math.log(a))
            db = 0.0 if a == 0.0 and b >= 0.0 else f * math.log(a) * math.log(a)
        elif op == 82:  # power_constant_slope
            f = a ** b
            p = f / a if abs(f) > 2.3e-308 and abs(f) < np.inf else a ** (b - 1.0)
            q = p / a if abs(p) > 2.3e-308 and abs(p) < np.inf else a ** (b - 2.0)
            v = b * p if b != 0.0 or abs(p) < np.inf else 0.0
            da = b * (b - 1.0) * q if b != 0.0 and b != 1.0 or abs(q) < np.inf else 0.0
            db = 0.0
        elif op == 83:  # log_slope
            v = 1.0 / a if a >= 0.0 else np.nan
            da = -1.0 / a / a if a >= 0.0 else np.nan
            db = 0.0
        elif op == 84:  # log2_slope
            v = 1.0 / 0.6931471805599453 / a if a >= 0.0 else np.nan
            da = -1.0 / 0.6931471805599453 / a / a if a >= 0.0 else np.nan
            db = 0.0
        elif op == 85:  # log10_slope
            v = 1.0 / 2.302585092994046 / a if a >= 0.0 else np.nan
            da = -1.0 / 2.302585092994046 / a / a if a >= 0.0 else np.nan
            db = 0.0
        elif op == 86:  # log1p_slope
            v = 1.0 / (1.0 + a) if a >= -1.0 else np.nan
            da = -1.0 / (1.0 + a) / (1.0 + a) if a >= -1.0 else np.nan
            db = 0.0
        elif op == 87:  # logaddexp_slope_a
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(d) * (1.0 + e))
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(-d) * (1.0 - e))
            v = p
            da = p * q
            db = -p * q
        elif op == 88:  # logaddexp_slope_b
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(d) * (1.0 + e))
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(-d) * (1.0 - e))
            v = q
            da = -p * q
            db = p * q
        elif op == 89:  # logaddexp2_slope_a
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(d) * (1.0 + 0.6931471805599453 * e))
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(-d) * (1.0 - 0.6931471805599453 * e))
            v = p
            da = 0.6931471805599453 * (p * q)
            db = -0.6931471805599453 * (p * q)
        elif op == 90:  # logaddexp2_slope_b
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(d) * (1.0 + 0.6931471805599453 * e))
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(-d) * (1.0 - 0.6931471805599453 * e))
            v = q
            da = -0.6931471805599453 * (p * q)
            db = 0.6931471805599453 * (p * q)
        elif op == 91:  # arcsin_slope
            p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
            v = p
            da = a * p * p * p
            db = 0.0
        elif op == 92:  # arccos_slope
            p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
            v = -p
            da = -a * p * p * p
            db = 0.0
        elif op == 93:  # arctan_slope
            p = 1.0 / (1.0 + a * a)
            v = p
            da = -2.0 * a * p * p if p != 0.0 else 0.0
            db = 0.0
        elif op == 94:  # arctan2_slope_a
            r = math.hypot(a, b)
            t = a / r if r != 0.0 else 0.0
            s = b / r if r != 0.0 else 0.0
            v = s / r if r != 0.0 else 0.0
            da = -2.0 * t * s / r / r if r != 0.0 else 0.0
            db = 4.0 * ((0.5 * a - 0.5 * b) / r) * ((0.5 * a + 0.5 * b) / r) / r / r if r != 0.0 else 0.0
        elif op == 95:  # arctan2_slope_b
            r = math.hypot(a, b)
            t = a / r if r != 0.0 else 0.0
            s = b / r if r != 0.0 else 0.0
            v = -t / r if r != 0.0 else 0.0
            da = 4.0 * ((0.5 * a - 0.5 * b) / r) * ((0.5 * a + 0.5 * b) / r) / r / r if r != 0.0 else 0.0
            db = 2.0 * t * s / r / r if r != 0.0 else 0.0
        elif op == 96:  # tanh_slope
            f = math.tanh(a)
            u = sech(a)
            v = u * u
            da = -2.0 * f * u * u
            db = 0.0
        elif op == 97:  # arcsinh_slope
            p = 1.0 / math.hypot(1.0, a)
            v = p
            da = -a * p * p * p if p != 0.0 else 0.0
            db = 0.0
        elif op == 98:  # arccosh_slope
            p = 1.0 / (math.sqrt(a - 1.0) * math.sqrt(a + 1.0))
            v = p
            da = -a * p * p * p if p != 0.0 else 0.0
            db = 0.0
        elif op == 99:  # arctanh_slope
            p = 1.0 / ((1.0 - a) * (1.0 + a)) if abs(a) <= 1.0 else np.nan
            v = p
            da = 2.0 * a * p * p
            db = 0.0
        elif op == 100:  # hypot_slope_a
            f = math.hypot(a, b)
            t = a / f if f != 0.0 else 0.0
            s = b / f if f != 0.0 else 0.0
            v = t
            da = s / f * s if f != 0.0 else 0.0
            db = -t * s / f if f != 0.0 else 0.0
        elif op == 101:  # hypot_slope_b
            f = math.hypot(a, b)
            t = a / f if f != 0.0 else 0.0
            s = b / f if f != 0.0 else 0.0
            v = s
            da = -t * s / f if f != 0.0 else 0.0
            db = t / f * t if f != 0.0 else 0.0
        elif op == 102:  # erf_slope
            h = np.rint(a * 16.0) / 16.0
            g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * math.exp(-h * h) * math.exp((h - a) * (h + a))
            v = g
            da = -2.0 * a * g if g != 0.0 else 0.0
            db = 0.0
        elif op == 103:  # erfc_slope
            h = np.rint(a * 16.0) / 16.0
            g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * math.exp(-h * h) * math.exp((h - a) * (h + a))
            v = -g
            da = 2.0 * a * g if g != 0.0 else 0.0
            db = 0.0
        elif op == 104:  # expit_slope
            e = math.exp(-a if a >= 0.0 else a)
            p = 1.0 / (1.0 + e) if a >= 0.0 else e / (1.0 + e)
            q = e / (1.0 + e) if a >= 0.0 else 1.0 / (1.0 + e)
            v = p * q
            da = -p * q * math.tanh(0.5 * a)
            db = 0.0
        else:
            v = np.nan
            da = np.nan
            db = np.nan
        values[first + i - start] = v
        target[2 * i] = da
        target[2 * i + 1] = db


def block_primal(op, work, x, y, w, z, n, first, second, third):
    if op == 0:  # add
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = a + b
            work[z + j] = v
    elif op == 1:  # subtract
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = a - b
            work[z + j] = v
    elif op == 2:  # multiply
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = a * b
            work[z + j] = v
    elif op == 3:  # divide
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = a / b
            work[z + j] = v
    elif op == 4:  # negative
        for j in range(n):
            a = work[x + j]
            v = -a
            work[z + j] = v
    elif op == 5 or op == 55:  # copy, stop_gradient
        for j in range(n):
            a = work[x + j]
            v = a
            work[z + j] = v
    elif op == 6:  # absolute_zero_multiply
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = 0.0 if a == 0.0 or b == 0.0 else a * b
            work[z + j] = v
    elif op == 7:  # absolute
        for j in range(n):
            a = work[x + j]
            v = abs(a)
            work[z + j] = v
    elif op == 8:  # square
        for j in range(n):
            a = work[x + j]
            v = a * a
            work[z + j] = v
    elif op == 9:  # reciprocal
        for j in range(n):
            a = work[x + j]
            v = 1.0 / a
            work[z + j] = v
    elif op == 10:  # sqrt
        for j in range(n):
            a = work[x + j]
            v = math.sqrt(a)
            work[z + j] = v
    elif op == 11:  # cbrt
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_cbrt(v_0)
            v = v_1
            misfits += 0 if fits_cbrt(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = np.cbrt(a)
                work[z + j] = v
    elif op == 12 or op == 13:  # power, power_constant
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v_0 = a
            v_1 = b
            v_2 = fast_power(v_0, v_1)
            v = v_2
            misfits += 0 if fits_power(v_0, v_1) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                v = a ** b
                work[z + j] = v
    elif op == 14:  # exp
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_exp(v_0)
            v = v_1
            misfits += 0 if fits_exp(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.exp(a)
                work[z + j] = v
    elif op == 15:  # exp2
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_exp2(v_0)
            v = v_1
            misfits += 0 if fits_exp2(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = np.exp2(a)
                work[z + j] = v
    elif op == 16:  # expm1
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_expm1(v_0)
            v = v_1
            misfits += 0 if fits_expm1(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.expm1(a)
                work[z + j] = v
    elif op == 17:  # log
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_log(v_0)
            v = v_1
            misfits += 0 if fits_log(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.log(a)
                work[z + j] = v
    elif op == 18:  # log2
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_log2(v_0)
            v = v_1
            misfits += 0 if fits_log2(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = np.log2(a)
                work[z + j] = v
    elif op == 19:  # log10
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_log10(v_0)
            v = v_1
            misfits += 0 if fits_log10(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.log10(a)
                work[z + j] = v
    elif op == 20:  # log1p
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_log1p(v_0)
            v = v_1
            misfits += 0 if fits_log1p(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.log1p(a)
                work[z + j] = v
    elif op == 21:  # logaddexp
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v_0 = -abs(a - b)
            v_1 = fast_exp(v_0)
            v_2 = v_1
            v_3 = fast_log1p(v_2)
            v = a + 0.6931471805599453 if a == b else (a if a > b else b) + v_3
            misfits += 0 if fits_exp(v_0) else 1
            misfits += 0 if fits_log1p(v_2) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                v = a + 0.6931471805599453 if a == b else (a if a > b else b) + math.log1p(math.exp(-abs(a - b)))
                work[z + j] = v
    elif op == 22:  # logaddexp2
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v_0 = -abs(a - b)
            v_1 = fast_exp2(v_0)
            v_2 = v_1
            v_3 = fast_log1p(v_2)
            v = a + 1.0 if a == b else (a if a > b else b) + v_3 / 0.6931471805599453
            misfits += 0 if fits_exp2(v_0) else 1
            misfits += 0 if fits_log1p(v_2) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                v = a + 1.0 if a == b else (a if a > b else b) + math.log1p(np.exp2(-abs(a - b))) / 0.6931471805599453
                work[z + j] = v
    elif op == 23:  # sin
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_sin(v_0)
            v = v_1
            misfits += 0 if fits_sin(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.sin(a)
                work[z + j] = v
    elif op == 24:  # cos
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_cos(v_0)
            v = v_1
            misfits += 0 if fits_cos(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.cos(a)
                work[z + j] = v
    elif op == 25:  # tan
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_tan(v_0)
            v = v_1
            misfits += 0 if fits_tan(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.tan(a)
                work[z + j] = v
    elif op == 26:  # arcsin
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_arcsin(v_0)
            v = v_1
            misfits += 0 if fits_arcsin(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.asin(a)
                work[z + j] = v
    elif op == 27:  # arccos
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_arccos(v_0)
            v = v_1
            misfits += 0 if fits_arccos(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.acos(a)
                work[z + j] = v
    elif op == 28:  # arctan
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_arctan(v_0)
            v = v_1
            misfits += 0 if fits_arctan(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.atan(a)
                work[z + j] = v
    elif op == 29:  # arctan2
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v_0 = a
            v_1 = b
            v_2 = fast_arctan2(v_0, v_1)
            v = v_2
            misfits += 0 if fits_arctan2(v_0, v_1) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                v = math.atan2(a, b)
                work[z + j] = v
    elif op == 30:  # sinh
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_sinh(v_0)
            v = v_1
            misfits += 0 if fits_sinh(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.sinh(a)
                work[z + j] = v
    elif op == 31:  # cosh
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_cosh(v_0)
            v = v_1
            misfits += 0 if fits_cosh(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.cosh(a)
                work[z + j] = v
    elif op == 32:  # tanh
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_tanh(v_0)
            v = v_1
            misfits += 0 if fits_tanh(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.tanh(a)
                work[z + j] = v
    elif op == 33:  # arcsinh
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_arcsinh(v_0)
            v = v_1
            misfits += 0 if fits_arcsinh(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.asinh(a)
                work[z + j] = v
    elif op == 34:  # arccosh
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_arccosh(v_0)
            v = v_1
            misfits += 0 if fits_arccosh(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.acosh(a)
                work[z + j] = v
    elif op == 35:  # arctanh
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_arctanh(v_0)
            v = v_1
            misfits += 0 if fits_arctanh(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.atanh(a)
                work[z + j] = v
    elif op == 36:  # hypot
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v_0 = a
            v_1 = b
            v_2 = fast_hypot(v_0, v_1)
            v = v_2
            misfits += 0 if fits_hypot(v_0, v_1) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                v = math.hypot(a, b)
                work[z + j] = v
    elif op == 37:  # erf
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_erf(v_0)
            v = v_1
            misfits += 0 if fits_erf(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.erf(a)
                work[z + j] = v
    elif op == 38:  # erfc
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_erfc(v_0)
            v = v_1
            misfits += 0 if fits_erfc(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.erfc(a)
                work[z + j] = v
    elif op == 39:  # expit
        misfits = 0
        for j in range(n):
            a = work[x + j]
            e_0 = -a if a >= 0.0 else a
            e_1 = fast_exp(e_0)
            e = e_1
            p = 1.0 / (1.0 + e) if a >= 0.0 else e / (1.0 + e)
            v = p
            misfits += 0 if fits_exp(e_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                e = math.exp(-a if a >= 0.0 else a)
                p = 1.0 / (1.0 + e) if a >= 0.0 else e / (1.0 + e)
                v = p
                work[z + j] = v
    elif op == 40:  # maximum
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = a if a >= b or a != a else b
            work[z + j] = v
    elif op == 41:  # minimum
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = a if a <= b or a != a else b
            work[z + j] = v
    elif op == 42:  # fmax
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = a if a >= b or b != b else b
            work[z + j] = v
    elif op == 43:  # fmin
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = a if a <= b or b != b else b
            work[z + j] = v
    elif op == 44:  # where
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            c = work[w + j]
            v = b if a != 0.0 else c
            work[z + j] = v
    elif op == 45:  # copysign
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = math.copysign(a, b)
            work[z + j] = v
    elif op == 46:  # heaviside
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = 0.0 if a < 0.0 else b if a == 0.0 else 1.0 if a > 0.0 else np.nan
            work[z + j] = v
    elif op == 47:  # sign
        for j in range(n):
            a = work[x + j]
            v = np.sign(a)
            work[z + j] = v
    elif op == 48:  # floor
        for j in range(n):
            a = work[x + j]
            v = np.floor(a)
            work[z + j] = v
    elif op == 49:  # ceil
        for j in range(n):
            a = work[x + j]
            v = np.ceil(a)
            work[z + j] = v
    elif op == 50:  # trunc
        for j in range(n):
            a = work[x + j]
            v = np.trunc(a)
            work[z + j] = v
    elif op == 51:  # rint
        for j in range(n):
            a = work[x + j]
            v = np.rint(a)
            work[z + j] = v
    elif op == 52:  # floor_divide
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            m = np.fmod(a, b)
            q = (a - m) / b - 1.0 if m != 0.0 and (b < 0.0) != (m < 0.0) else (a - m) / b
            v = a / b if b == 0.0 else np.floor(q) + 1.0 if q - np.floor(q) > 0.5 else np.floor(q)
            work[z + j] = v
    elif op == 53:  # remainder
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            m = np.fmod(a, b)
            v = m + b if m != 0.0 and (b < 0.0) != (m < 0.0) else m if m != 0.0 else math.copysign(m, b)
            work[z + j] = v
    elif op == 54:  # fmod
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = np.fmod(a, b)
            work[z + j] = v
    elif op == 64:  # less
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = 1.0 if a < b else 0.0
            work[z + j] = v
    elif op == 65:  # less_equal
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = 1.0 if a <= b else 0.0
            work[z + j] = v
    elif op == 66:  # greater
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = 1.0 if a > b else 0.0
            work[z + j] = v
    elif op == 67:  # greater_equal
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = 1.0 if a >= b else 0.0
            work[z + j] = v
    elif op == 68:  # equal
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = 1.0 if a == b else 0.0
            work[z + j] = v
    elif op == 69:  # not_equal
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = 1.0 if a != b else 0.0
            work[z + j] = v
    elif op == 70:  # logical_and
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = 1.0 if a != 0.0 and b != 0.0 else 0.0
            work[z + j] = v
    elif op == 71:  # logical_or
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = 1.0 if a != 0.0 or b != 0.0 else 0.0
            work[z + j] = v
    elif op == 72:  # logical_xor
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = 1.0 if (a != 0.0) != (b != 0.0) else 0.0
            work[z + j] = v
    elif op == 73:  # logical_not
        for j in range(n):
            a = work[x + j]
            v = 1.0 if a == 0.0 else 0.0
            work[z + j] = v
    elif op == 74:  # isnan
        for j in range(n):
            a = work[x + j]
            v = 1.0 if a != a else 0.0
            work[z + j] = v
    elif op == 75:  # isinf
        for j in range(n):
            a = work[x + j]
            v = 1.0 if abs(a) == np.inf else 0.0
            work[z + j] = v
    elif op == 76:  # isfinite
        for j in range(n):
            a = work[x + j]
            v = 1.0 if abs(a) < np.inf else 0.0
            work[z + j] = v
    elif op == 77:  # signbit
        for j in range(n):
            a = work[x + j]
            v = 1.0 if math.copysign(1.0, a) < 0.0 else 0.0
            work[z + j] = v
    else:
        for j in range(n):
            work[z + j] = np.nan


def block_linearize(op, work, x, y, w, z, n, first, second, third):
    if op == 12:  # power
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v_0 = a
            v_1 = b
            v_2 = fast_power(v_0, v_1)
            v = v_2
            p = v / a
            da = b * p if b != 0.0 or abs(p) < np.inf else 0.0
            db_0 = a
            db_1 = fast_log(db_0)
            db = 0.0 if a == 0.0 and b >= 0.0 else v * db_1
            misfits += 0 if fits_power(v_0, v_1) else 1
            misfits += 0 if abs(v) > 2.3e-308 and abs(v) < np.inf else 1
            misfits += 0 if fits_log(db_0) else 1
            work[z + j] = v
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                v = a ** b
                p = v / a if abs(v) > 2.3e-308 and abs(v) < np.inf else a ** (b - 1.0)
                da = b * p if b != 0.0 or abs(p) < np.inf else 0.0
                db = 0.0 if a == 0.0 and b >= 0.0 else v * math.log(a)
                work[z + j] = v
                work[first + j] = da
                work[second + j] = db
    elif op == 13:  # power_constant
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v_0 = a
            v_1 = b
            v_2 = fast_power(v_0, v_1)
            v = v_2
            p = v / a
            da = b * p if b != 0.0 or abs(p) < np.inf else 0.0
            db = 0.0
            misfits += 0 if fits_power(v_0, v_1) else 1
            misfits += 0 if abs(v) > 2.3e-308 and abs(v) < np.inf else 1
            work[z + j] = v
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                v = a ** b
                p = v / a if abs(v) > 2.3e-308 and abs(v) < np.inf else a ** (b - 1.0)
                da = b * p if b != 0.0 or abs(p) < np.inf else 0.0
                db = 0.0
                work[z + j] = v
                work[first + j] = da
                work[second + j] = db
    elif op == 16:  # expm1
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_expm1(v_0)
            v = v_1
            da_0 = a
            da_1 = fast_exp(da_0)
            da = da_1
            misfits += 0 if fits_expm1(v_0) else 1
            misfits += 0 if fits_exp(da_0) else 1
            work[z + j] = v
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.expm1(a)
                da = math.exp(a)
                work[z + j] = v
                work[first + j] = da
    elif op == 21:  # logaddexp
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p_0 = d
            p_1 = fast_exp(p_0)
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + p_1 * (1.0 + e))
            q_0 = -d
            q_1 = fast_exp(q_0)
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + q_1 * (1.0 - e))
            v_0 = -abs(a - b)
            v_1 = fast_exp(v_0)
            v_2 = v_1
            v_3 = fast_log1p(v_2)
            v = a + 0.6931471805599453 if a == b else (a if a > b else b) + v_3
            da = p
            db = q
            misfits += 0 if fits_exp(p_0) else 1
            misfits += 0 if fits_exp(q_0) else 1
            misfits += 0 if fits_exp(v_0) else 1
            misfits += 0 if fits_log1p(v_2) else 1
            work[z + j] = v
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                d = b - a
                e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
                p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(d) * (1.0 + e))
                q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(-d) * (1.0 - e))
                v = a + 0.6931471805599453 if a == b else (a if a > b else b) + math.log1p(math.exp(-abs(a - b)))
                da = p
                db = q
                work[z + j] = v
                work[first + j] = da
                work[second + j] = db
    elif op == 22:  # logaddexp2
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p_0 = d
            p_1 = fast_exp2(p_0)
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + p_1 * (1.0 + 0.6931471805599453 * e))
            q_0 = -d
            q_1 = fast_exp2(q_0)
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + q_1 * (1.0 - 0.6931471805599453 * e))
            v_0 = -abs(a - b)
            v_1 = fast_exp2(v_0)
            v_2 = v_1
            v_3 = fast_log1p(v_2)
            v = a + 1.0 if a == b else (a if a > b else b) + v_3 / 0.6931471805599453
            da = p
            db = q
            misfits += 0 if fits_exp2(p_0) else 1
            misfits += 0 if fits_exp2(q_0) else 1
            misfits += 0 if fits_exp2(v_0) else 1
            misfits += 0 if fits_log1p(v_2) else 1
            work[z + j] = v
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                d = b - a
                e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
                p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(d) * (1.0 + 0.6931471805599453 * e))
                q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(-d) * (1.0 - 0.6931471805599453 * e))
                v = a + 1.0 if a == b else (a if a > b else b) + math.log1p(np.exp2(-abs(a - b))) / 0.6931471805599453
                da = p
                db = q
                work[z + j] = v
                work[first + j] = da
                work[second + j] = db
    elif op == 23:  # sin
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_sin(v_0)
            v = v_1
            da_0 = a
            da_1 = fast_cos(da_0)
            da = da_1
            misfits += 0 if fits_sin(v_0) else 1
            misfits += 0 if fits_cos(da_0) else 1
            work[z + j] = v
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.sin(a)
                da = math.cos(a)
                work[z + j] = v
                work[first + j] = da
    elif op == 24:  # cos
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_cos(v_0)
            v = v_1
            da_0 = a
            da_1 = fast_sin(da_0)
            da = -da_1
            misfits += 0 if fits_cos(v_0) else 1
            misfits += 0 if fits_sin(da_0) else 1
            work[z + j] = v
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.cos(a)
                da = -math.sin(a)
                work[z + j] = v
                work[first + j] = da
    elif op == 29:  # arctan2
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            r_0 = a
            r_1 = b
            r_2 = fast_hypot(r_0, r_1)
            r = r_2
            t = a / r if r != 0.0 else 0.0
            s = b / r if r != 0.0 else 0.0
            v_0 = a
            v_1 = b
            v_2 = fast_arctan2(v_0, v_1)
            v = v_2
            da = s / r if r != 0.0 else 0.0
            db = -t / r if r != 0.0 else 0.0
            misfits += 0 if fits_hypot(r_0, r_1) else 1
            misfits += 0 if fits_arctan2(v_0, v_1) else 1
            work[z + j] = v
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                r = math.hypot(a, b)
                t = a / r if r != 0.0 else 0.0
                s = b / r if r != 0.0 else 0.0
                v = math.atan2(a, b)
                da = s / r if r != 0.0 else 0.0
                db = -t / r if r != 0.0 else 0.0
                work[z + j] = v
                work[first + j] = da
                work[second + j] = db
    elif op == 30:  # sinh
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_sinh(v_0)
            v = v_1
            da_0 = a
            da_1 = fast_cosh(da_0)
            da = da_1
            misfits += 0 if fits_sinh(v_0) else 1
            misfits += 0 if fits_cosh(da_0) else 1
            work[z + j] = v
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.sinh(a)
                da = math.cosh(a)
                work[z + j] = v
                work[first + j] = da
    elif op == 31:  # cosh
        misfits = 0
        for j in range(n):
            a = work[x + j]
            v_0 = a
            v_1 = fast_cosh(v_0)
            v = v_1
            da_0 = a
            da_1 = fast_sinh(da_0)
            da = da_1
            misfits += 0 if fits_cosh(v_0) else 1
            misfits += 0 if fits_sinh(da_0) else 1
            work[z + j] = v
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                v = math.cosh(a)
                da = math.sinh(a)
                work[z + j] = v
                work[first + j] = da
    elif op == 32:  # tanh
        misfits = 0
        for j in range(n):
            a = work[x + j]
            u_0 = a
            u_1 = fast_sech(u_0)
            u = u_1
            v_0 = a
            v_1 = fast_tanh(v_0)
            v = v_1
            da = u * u
            misfits += 0 if fits_sech(u_0) else 1
            misfits += 0 if fits_tanh(v_0) else 1
            work[z + j] = v
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                u = sech(a)
                v = math.tanh(a)
                da = u * u
                work[z + j] = v
                work[first + j] = da
    elif op == 33:  # arcsinh
        misfits = 0
        for j in range(n):
            a = work[x + j]
            p_0 = 1.0
            p_1 = a
            p_2 = fast_hypot(p_0, p_1)
            p = 1.0 / p_2
            v_0 = a
            v_1 = fast_arcsinh(v_0)
            v = v_1
            da = p
            misfits += 0 if fits_hypot(p_0, p_1) else 1
            misfits += 0 if fits_arcsinh(v_0) else 1
            work[z + j] = v
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / math.hypot(1.0, a)
                v = math.asinh(a)
                da = p
                work[z + j] = v
                work[first + j] = da
    elif op == 37:  # erf
        misfits = 0
        for j in range(n):
            a = work[x + j]
            h = np.rint(a * 16.0) / 16.0
            g_0 = -h * h
            g_1 = fast_exp(g_0)
            g_2 = (h - a) * (h + a)
            g_3 = fast_exp(g_2)
            g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * g_1 * g_3
            v_0 = a
            v_1 = fast_erf(v_0)
            v = v_1
            da = g
            misfits += 0 if fits_exp(g_0) else 1
            misfits += 0 if fits_exp(g_2) else 1
            misfits += 0 if fits_erf(v_0) else 1
            work[z + j] = v
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                h = np.rint(a * 16.0) / 16.0
                g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * math.exp(-h * h) * math.exp((h - a) * (h + a))
                v = math.erf(a)
                da = g
                work[z + j] = v
                work[first + j] = da
    elif op == 38:  # erfc
        misfits = 0
        for j in range(n):
            a = work[x + j]
            h = np.rint(a * 16.0) / 16.0
            g_0 = -h * h
            g_1 = fast_exp(g_0)
            g_2 = (h - a) * (h + a)
            g_3 = fast_exp(g_2)
            g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * g_1 * g_3
            v_0 = a
            v_1 = fast_erfc(v_0)
            v = v_1
            da = -g
            misfits += 0 if fits_exp(g_0) else 1
            misfits += 0 if fits_exp(g_2) else 1
            misfits += 0 if fits_erfc(v_0) else 1
            work[z + j] = v
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                h = np.rint(a * 16.0) / 16.0
                g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * math.exp(-h * h) * math.exp((h - a) * (h + a))
                v = math.erfc(a)
                da = -g
                work[z + j] = v
                work[first + j] = da
    elif op == 39:  # expit
        misfits = 0
        for j in range(n):
            a = work[x + j]
            e_0 = -a if a >= 0.0 else a
            e_1 = fast_exp(e_0)
            e = e_1
            p = 1.0 / (1.0 + e) if a >= 0.0 else e / (1.0 + e)
            q = e / (1.0 + e) if a >= 0.0 else 1.0 / (1.0 + e)
            v = p
            da = p * q
            misfits += 0 if fits_exp(e_0) else 1
            work[z + j] = v
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                e = math.exp(-a if a >= 0.0 else a)
                p = 1.0 / (1.0 + e) if a >= 0.0 else e / (1.0 + e)
                q = e / (1.0 + e) if a >= 0.0 else 1.0 / (1.0 + e)
                v = p
                da = p * q
                work[z + j] = v
                work[first + j] = da
    elif op == 53:  # remainder
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            m = np.fmod(a, b)
            v = m + b if m != 0.0 and (b < 0.0) != (m < 0.0) else m if m != 0.0 else math.copysign(m, b)
            da = 1.0
            db = (1.0 if m != 0.0 and (b < 0.0) != (m < 0.0) else 0.0) - np.rint(a / b - m / b)
            work[z + j] = v
            work[first + j] = da
            work[second + j] = db
    else:
        for j in range(n):
            work[z + j] = np.nan
            work[first + j] = np.nan
            work[second + j] = np.nan
            work[third + j] = np.nan


def block_adjoint(op, work, x, y, w, z, n, first, second, third, seeds, at_once):
    if op == 3:  # divide
        if first >= 0 and at_once & 1:
            for j in range(n):
                b = work[y + j]
                slope = 1.0 / b
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                b = work[y + j]
                slope = 1.0 / b
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        if second >= 0 and at_once & 2:
            for j in range(n):
                b = work[y + j]
                v = work[z + j]
                slope = -v / b
                bar = work[seeds + j]
                work[second + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif second >= 0:
            for j in range(n):
                b = work[y + j]
                v = work[z + j]
                slope = -v / b
                bar = work[seeds + j]
                work[second + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 7:  # absolute
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                slope = np.sign(a)
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                slope = np.sign(a)
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 8:  # square
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                slope = 2.0 * a
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                slope = 2.0 * a
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 9:  # reciprocal
        if first >= 0 and at_once & 1:
            for j in range(n):
                v = work[z + j]
                slope = -v * v
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                v = work[z + j]
                slope = -v * v
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 10:  # sqrt
        if first >= 0 and at_once & 1:
            for j in range(n):
                v = work[z + j]
                slope = 0.5 / abs(v)
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                v = work[z + j]
                slope = 0.5 / abs(v)
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 11:  # cbrt
        if first >= 0 and at_once & 1:
            for j in range(n):
                v = work[z + j]
                slope = 1.0 / (3.0 * v * v)
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                v = work[z + j]
                slope = 1.0 / (3.0 * v * v)
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 15:  # exp2
        if first >= 0 and at_once & 1:
            for j in range(n):
                v = work[z + j]
                slope = 0.6931471805599453 * v
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                v = work[z + j]
                slope = 0.6931471805599453 * v
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 17:  # log
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                slope = 1.0 / a if a >= 0.0 else np.nan
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                slope = 1.0 / a if a >= 0.0 else np.nan
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 18:  # log2
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                slope = 1.0 / 0.6931471805599453 / a if a >= 0.0 else np.nan
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                slope = 1.0 / 0.6931471805599453 / a if a >= 0.0 else np.nan
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 19:  # log10
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                slope = 1.0 / 2.302585092994046 / a if a >= 0.0 else np.nan
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                slope = 1.0 / 2.302585092994046 / a if a >= 0.0 else np.nan
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 20:  # log1p
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                slope = 1.0 / (1.0 + a) if a >= -1.0 else np.nan
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                slope = 1.0 / (1.0 + a) if a >= -1.0 else np.nan
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 25:  # tan
        if first >= 0 and at_once & 1:
            for j in range(n):
                v = work[z + j]
                slope = 1.0 + v * v
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                v = work[z + j]
                slope = 1.0 + v * v
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 26:  # arcsin
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
                slope = p
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
                slope = p
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 27:  # arccos
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
                slope = -p
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
                slope = -p
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 28:  # arctan
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / (1.0 + a * a)
                slope = p
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / (1.0 + a * a)
                slope = p
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 34:  # arccosh
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / (math.sqrt(a - 1.0) * math.sqrt(a + 1.0))
                slope = p
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / (math.sqrt(a - 1.0) * math.sqrt(a + 1.0))
                slope = p
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 35:  # arctanh
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / ((1.0 - a) * (1.0 + a)) if abs(a) <= 1.0 else np.nan
                slope = p
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / ((1.0 - a) * (1.0 + a)) if abs(a) <= 1.0 else np.nan
                slope = p
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 36:  # hypot
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                v = work[z + j]
                t = a / v if v != 0.0 else 0.0
                slope = t
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                v = work[z + j]
                t = a / v if v != 0.0 else 0.0
                slope = t
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        if second >= 0 and at_once & 2:
            for j in range(n):
                b = work[y + j]
                v = work[z + j]
                s = b / v if v != 0.0 else 0.0
                slope = s
                bar = work[seeds + j]
                work[second + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif second >= 0:
            for j in range(n):
                b = work[y + j]
                v = work[z + j]
                s = b / v if v != 0.0 else 0.0
                slope = s
                bar = work[seeds + j]
                work[second + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 40:  # maximum
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                slope = 1.0 if a > b else 0.5 if a == b else 0.0 if a < b else np.nan
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                slope = 1.0 if a > b else 0.5 if a == b else 0.0 if a < b else np.nan
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        if second >= 0 and at_once & 2:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                slope = 1.0 if a < b else 0.5 if a == b else 0.0 if a > b else np.nan
                bar = work[seeds + j]
                work[second + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif second >= 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                slope = 1.0 if a < b else 0.5 if a == b else 0.0 if a > b else np.nan
                bar = work[seeds + j]
                work[second + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 41:  # minimum
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                slope = 1.0 if a < b else 0.5 if a == b else 0.0 if a > b else np.nan
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                slope = 1.0 if a < b else 0.5 if a == b else 0.0 if a > b else np.nan
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        if second >= 0 and at_once & 2:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                slope = 1.0 if a > b else 0.5 if a == b else 0.0 if a < b else np.nan
                bar = work[seeds + j]
                work[second + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif second >= 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                slope = 1.0 if a > b else 0.5 if a == b else 0.0 if a < b else np.nan
                bar = work[seeds + j]
                work[second + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 42:  # fmax
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                slope = 1.0 if a > b or b != b else 0.5 if a == b else 0.0
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                slope = 1.0 if a > b or b != b else 0.5 if a == b else 0.0
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        if second >= 0 and at_once & 2:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                slope = 1.0 if a < b or (a != a and b == b) else 0.5 if a == b else 0.0
                bar = work[seeds + j]
                work[second + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif second >= 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                slope = 1.0 if a < b or (a != a and b == b) else 0.5 if a == b else 0.0
                bar = work[seeds + j]
                work[second + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 43:  # fmin
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                slope = 1.0 if a < b or b != b else 0.5 if a == b else 0.0
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                slope = 1.0 if a < b or b != b else 0.5 if a == b else 0.0
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        if second >= 0 and at_once & 2:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                slope = 1.0 if a > b or (a != a and b == b) else 0.5 if a == b else 0.0
                bar = work[seeds + j]
                work[second + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif second >= 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                slope = 1.0 if a > b or (a != a and b == b) else 0.5 if a == b else 0.0
                bar = work[seeds + j]
                work[second + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 44:  # where
        if second >= 0 and at_once & 2:
            for j in range(n):
                a = work[x + j]
                slope = 1.0 if a != 0.0 else 0.0
                bar = work[seeds + j]
                work[second + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif second >= 0:
            for j in range(n):
                a = work[x + j]
                slope = 1.0 if a != 0.0 else 0.0
                bar = work[seeds + j]
                work[second + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        if third >= 0 and at_once & 4:
            for j in range(n):
                a = work[x + j]
                slope = 0.0 if a != 0.0 else 1.0
                bar = work[seeds + j]
                work[third + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif third >= 0:
            for j in range(n):
                a = work[x + j]
                slope = 0.0 if a != 0.0 else 1.0
                bar = work[seeds + j]
                work[third + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 45:  # copysign
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                slope = math.copysign(1.0, a) * math.copysign(1.0, b)
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                slope = math.copysign(1.0, a) * math.copysign(1.0, b)
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 46:  # heaviside
        if second >= 0 and at_once & 2:
            for j in range(n):
                a = work[x + j]
                slope = 1.0 if a == 0.0 else 0.0
                bar = work[seeds + j]
                work[second + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif second >= 0:
            for j in range(n):
                a = work[x + j]
                slope = 1.0 if a == 0.0 else 0.0
                bar = work[seeds + j]
                work[second + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 54:  # fmod
        if second >= 0 and at_once & 2:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                v = work[z + j]
                slope = -np.rint(a / b - v / b)
                bar = work[seeds + j]
                work[second + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif second >= 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                v = work[z + j]
                slope = -np.rint(a / b - v / b)
                bar = work[seeds + j]
                work[second + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    else:
        return


def block_partials(op, work, x, y, w, z, n, first, second, third):
    if op == 0:  # add
        for j in range(n):
            da = 1.0
            db = 1.0
            work[first + j] = da
            work[second + j] = db
    elif op == 1:  # subtract
        for j in range(n):
            da = 1.0
            db = -1.0
            work[first + j] = da
            work[second + j] = db
    elif op == 2 or op == 6:  # multiply, absolute_zero_multiply
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            da = b
            db = a
            work[first + j] = da
            work[second + j] = db
    elif op == 3:  # divide
        for j in range(n):
            b = work[y + j]
            v = work[z + j]
            da = 1.0 / b
            db = -v / b
            work[first + j] = da
            work[second + j] = db
    elif op == 4:  # negative
        for j in range(n):
            da = -1.0
            work[first + j] = da
    elif op == 5:  # copy
        for j in range(n):
            da = 1.0
            work[first + j] = da
    elif op == 7:  # absolute
        for j in range(n):
            a = work[x + j]
            da = np.sign(a)
            work[first + j] = da
    elif op == 8:  # square
        for j in range(n):
            a = work[x + j]
            da = 2.0 * a
            work[first + j] = da
    elif op == 9:  # reciprocal
        for j in range(n):
            v = work[z + j]
            da = -v * v
            work[first + j] = da
    elif op == 10:  # sqrt
        for j in range(n):
            v = work[z + j]
            da = 0.5 / abs(v)
            work[first + j] = da
    elif op == 11:  # cbrt
        for j in range(n):
            v = work[z + j]
            da = 1.0 / (3.0 * v * v)
            work[first + j] = da
    elif op == 12:  # power
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = work[z + j]
            p = v / a
            da = b * p if b != 0.0 or abs(p) < np.inf else 0.0
            db_0 = a
            db_1 = fast_log(db_0)
            db = 0.0 if a == 0.0 and b >= 0.0 else v * db_1
            misfits += 0 if abs(v) > 2.3e-308 and abs(v) < np.inf else 1
            misfits += 0 if fits_log(db_0) else 1
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                v = work[z + j]
                p = v / a if abs(v) > 2.3e-308 and abs(v) < np.inf else a ** (b - 1.0)
                da = b * p if b != 0.0 or abs(p) < np.inf else 0.0
                db = 0.0 if a == 0.0 and b >= 0.0 else v * math.log(a)
                work[first + j] = da
                work[second + j] = db
    elif op == 13:  # power_constant
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = work[z + j]
            p = v / a
            da = b * p if b != 0.0 or abs(p) < np.inf else 0.0
            db = 0.0
            misfits += 0 if abs(v) > 2.3e-308 and abs(v) < np.inf else 1
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                v = work[z + j]
                p = v / a if abs(v) > 2.3e-308 and abs(v) < np.inf else a ** (b - 1.0)
                da = b * p if b != 0.0 or abs(p) < np.inf else 0.0
                db = 0.0
                work[first + j] = da
                work[second + j] = db
    elif op == 14:  # exp
        for j in range(n):
            v = work[z + j]
            da = v
            work[first + j] = da
    elif op == 15:  # exp2
        for j in range(n):
            v = work[z + j]
            da = 0.6931471805599453 * v
            work[first + j] = da
    elif op == 16:  # expm1
        misfits = 0
        for j in range(n):
            a = work[x + j]
            da_0 = a
            da_1 = fast_exp(da_0)
            da = da_1
            misfits += 0 if fits_exp(da_0) else 1
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                da = math.exp(a)
                work[first + j] = da
    elif op == 17:  # log
        for j in range(n):
            a = work[x + j]
            da = 1.0 / a if a >= 0.0 else np.nan
            work[first + j] = da
    elif op == 18:  # log2
        for j in range(n):
            a = work[x + j]
            da = 1.0 / 0.6931471805599453 / a if a >= 0.0 else np.nan
            work[first + j] = da
    elif op == 19:  # log10
        for j in range(n):
            a = work[x + j]
            da = 1.0 / 2.302585092994046 / a if a >= 0.0 else np.nan
            work[first + j] = da
    elif op == 20:  # log1p
        for j in range(n):
            a = work[x + j]
            da = 1.0 / (1.0 + a) if a >= -1.0 else np.nan
            work[first + j] = da
    elif op == 21:  # logaddexp
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p_0 = d
            p_1 = fast_exp(p_0)
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + p_1 * (1.0 + e))
            q_0 = -d
            q_1 = fast_exp(q_0)
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + q_1 * (1.0 - e))
            da = p
            db = q
            misfits += 0 if fits_exp(p_0) else 1
            misfits += 0 if fits_exp(q_0) else 1
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                d = b - a
                e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
                p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(d) * (1.0 + e))
                q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(-d) * (1.0 - e))
                da = p
                db = q
                work[first + j] = da
                work[second + j] = db
    elif op == 22:  # logaddexp2
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p_0 = d
            p_1 = fast_exp2(p_0)
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + p_1 * (1.0 + 0.6931471805599453 * e))
            q_0 = -d
            q_1 = fast_exp2(q_0)
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + q_1 * (1.0 - 0.6931471805599453 * e))
            da = p
            db = q
            misfits += 0 if fits_exp2(p_0) else 1
            misfits += 0 if fits_exp2(q_0) else 1
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                d = b - a
                e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
                p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(d) * (1.0 + 0.6931471805599453 * e))
                q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(-d) * (1.0 - 0.6931471805599453 * e))
                da = p
                db = q
                work[first + j] = da
                work[second + j] = db
    elif op == 23:  # sin
        misfits = 0
        for j in range(n):
            a = work[x + j]
            da_0 = a
            da_1 = fast_cos(da_0)
            da = da_1
            misfits += 0 if fits_cos(da_0) else 1
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                da = math.cos(a)
                work[first + j] = da
    elif op == 24:  # cos
        misfits = 0
        for j in range(n):
            a = work[x + j]
            da_0 = a
            da_1 = fast_sin(da_0)
            da = -da_1
            misfits += 0 if fits_sin(da_0) else 1
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                da = -math.sin(a)
                work[first + j] = da
    elif op == 25:  # tan
        for j in range(n):
            v = work[z + j]
            da = 1.0 + v * v
            work[first + j] = da
    elif op == 26:  # arcsin
        for j in range(n):
            a = work[x + j]
            p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
            da = p
            work[first + j] = da
    elif op == 27:  # arccos
        for j in range(n):
            a = work[x + j]
            p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
            da = -p
            work[first + j] = da
    elif op == 28:  # arctan
        for j in range(n):
            a = work[x + j]
            p = 1.0 / (1.0 + a * a)
            da = p
            work[first + j] = da
    elif op == 29:  # arctan2
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            r_0 = a
            r_1 = b
            r_2 = fast_hypot(r_0, r_1)
            r = r_2
            t = a / r if r != 0.0 else 0.0
            s = b / r if r != 0.0 else 0.0
            da = s / r if r != 0.0 else 0.0
            db = -t / r if r != 0.0 else 0.0
            misfits += 0 if fits_hypot(r_0, r_1) else 1
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                r = math.hypot(a, b)
                t = a / r if r != 0.0 else 0.0
                s = b / r if r != 0.0 else 0.0
                da = s / r if r != 0.0 else 0.0
                db = -t / r if r != 0.0 else 0.0
                work[first + j] = da
                work[second + j] = db
    elif op == 30:  # sinh
        misfits = 0
        for j in range(n):
            a = work[x + j]
            da_0 = a
            da_1 = fast_cosh(da_0)
            da = da_1
            misfits += 0 if fits_cosh(da_0) else 1
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                da = math.cosh(a)
                work[first + j] = da
    elif op == 31:  # cosh
        misfits = 0
        for j in range(n):
            a = work[x + j]
            da_0 = a
            da_1 = fast_sinh(da_0)
            da = da_1
            misfits += 0 if fits_sinh(da_0) else 1
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                da = math.sinh(a)
                work[first + j] = da
    elif op == 32:  # tanh
        misfits = 0
        for j in range(n):
            a = work[x + j]
            u_0 = a
            u_1 = fast_sech(u_0)
            u = u_1
            da = u * u
            misfits += 0 if fits_sech(u_0) else 1
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                u = sech(a)
                da = u * u
                work[first + j] = da
    elif op == 33:  # arcsinh
        misfits = 0
        for j in range(n):
            a = work[x + j]
            p_0 = 1.0
            p_1 = a
            p_2 = fast_hypot(p_0, p_1)
            p = 1.0 / p_2
            da = p
            misfits += 0 if fits_hypot(p_0, p_1) else 1
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / math.hypot(1.0, a)
                da = p
                work[first + j] = da
    elif op == 34:  # arccosh
        for j in range(n):
            a = work[x + j]
            p = 1.0 / (math.sqrt(a - 1.0) * math.sqrt(a + 1.0))
            da = p
            work[first + j] = da
    elif op == 35:  # arctanh
        for j in range(n):
            a = work[x + j]
            p = 1.0 / ((1.0 - a) * (1.0 + a)) if abs(a) <= 1.0 else np.nan
            da = p
            work[first + j] = da
    elif op == 36:  # hypot
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = work[z + j]
            t = a / v if v != 0.0 else 0.0
            s = b / v if v != 0.0 else 0.0
            da = t
            db = s
            work[first + j] = da
            work[second + j] = db
    elif op == 37:  # erf
        misfits = 0
        for j in range(n):
            a = work[x + j]
            h = np.rint(a * 16.0) / 16.0
            g_0 = -h * h
            g_1 = fast_exp(g_0)
            g_2 = (h - a) * (h + a)
            g_3 = fast_exp(g_2)
            g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * g_1 * g_3
            da = g
            misfits += 0 if fits_exp(g_0) else 1
            misfits += 0 if fits_exp(g_2) else 1
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                h = np.rint(a * 16.0) / 16.0
                g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * math.exp(-h * h) * math.exp((h - a) * (h + a))
                da = g
                work[first + j] = da
    elif op == 38:  # erfc
        misfits = 0
        for j in range(n):
            a = work[x + j]
            h = np.rint(a * 16.0) / 16.0
            g_0 = -h * h
            g_1 = fast_exp(g_0)
            g_2 = (h - a) * (h + a)
            g_3 = fast_exp(g_2)
            g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * g_1 * g_3
            da = -g
            misfits += 0 if fits_exp(g_0) else 1
            misfits += 0 if fits_exp(g_2) else 1
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                h = np.rint(a * 16.0) / 16.0
                g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * math.exp(-h * h) * math.exp((h - a) * (h + a))
                da = -g
                work[first + j] = da
    elif op == 39:  # expit
        misfits = 0
        for j in range(n):
            a = work[x + j]
            e_0 = -a if a >= 0.0 else a
            e_1 = fast_exp(e_0)
            e = e_1
            p = 1.0 / (1.0 + e) if a >= 0.0 else e / (1.0 + e)
            q = e / (1.0 + e) if a >= 0.0 else 1.0 / (1.0 + e)
            da = p * q
            misfits += 0 if fits_exp(e_0) else 1
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                e = math.exp(-a if a >= 0.0 else a)
                p = 1.0 / (1.0 + e) if a >= 0.0 else e / (1.0 + e)
                q = e / (1.0 + e) if a >= 0.0 else 1.0 / (1.0 + e)
                da = p * q
                work[first + j] = da
    elif op == 40:  # maximum
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            da = 1.0 if a > b else 0.5 if a == b else 0.0 if a < b else np.nan
            db = 1.0 if a < b else 0.5 if a == b else 0.0 if a > b else np.nan
            work[first + j] = da
            work[second + j] = db
    elif op == 41:  # minimum
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            da = 1.0 if a < b else 0.5 if a == b else 0.0 if a > b else np.nan
            db = 1.0 if a > b else 0.5 if a == b else 0.0 if a < b else np.nan
            work[first + j] = da
            work[second + j] = db
    elif op == 42:  # fmax
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            da = 1.0 if a > b or b != b else 0.5 if a == b else 0.0
            db = 1.0 if a < b or (a != a and b == b) else 0.5 if a == b else 0.0
            work[first + j] = da
            work[second + j] = db
    elif op == 43:  # fmin
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            da = 1.0 if a < b or b != b else 0.5 if a == b else 0.0
            db = 1.0 if a > b or (a != a and b == b) else 0.5 if a == b else 0.0
            work[first + j] = da
            work[second + j] = db
    elif op == 44:  # where
        for j in range(n):
            a = work[x + j]
            da = 0.0
            db = 1.0 if a != 0.0 else 0.0
            dc = 0.0 if a != 0.0 else 1.0
            work[first + j] = da
            work[second + j] = db
            work[third + j] = dc
    elif op == 45:  # copysign
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            da = math.copysign(1.0, a) * math.copysign(1.0, b)
            db = 0.0
            work[first + j] = da
            work[second + j] = db
    elif op == 46:  # heaviside
        for j in range(n):
            a = work[x + j]
            da = 0.0
            db = 1.0 if a == 0.0 else 0.0
            work[first + j] = da
            work[second + j] = db
    elif op == 47 or op == 48 or op == 49 or op == 50 or op == 51 or op == 55 or op == 73 or op == 74 or op == 75 or op == 76 or op == 77:  # sign, floor, ceil, trunc, rint, stop_gradient, logical_not, isnan, isinf, isfinite, signbit
        for j in range(n):
            da = 0.0
            work[first + j] = da
    elif op == 52 or op == 64 or op == 65 or op == 66 or op == 67 or op == 68 or op == 69 or op == 70 or op == 71 or op == 72:  # floor_divide, less, less_equal, greater, greater_equal, equal, not_equal, logical_and, logical_or, logical_xor
        for j in range(n):
            da = 0.0
            db = 0.0
            work[first + j] = da
            work[second + j] = db
    elif op == 53:  # remainder
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            m = np.fmod(a, b)
            da = 1.0
            db = (1.0 if m != 0.0 and (b < 0.0) != (m < 0.0) else 0.0) - np.rint(a / b - m / b)
            work[first + j] = da
            work[second + j] = db
    elif op == 54:  # fmod
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            v = work[z + j]
            da = 1.0
            db = -np.rint(a / b - v / b)
            work[first + j] = da
            work[second + j] = db
    else:
        for j in range(n):
            work[first + j] = 0.0
            work[second + j] = 0.0
            work[third + j] = 0.0


def slope_primal(op, work, x, y, w, z, n, first, second, third):
    if op == 105:  # sqrt_slope
        for j in range(n):
            a = work[x + j]
            f = math.sqrt(a)
            v = 0.5 / abs(f)
            work[z + j] = v
    elif op == 106:  # cbrt_slope
        misfits = 0
        for j in range(n):
            a = work[x + j]
            f_0 = a
            f_1 = fast_cbrt(f_0)
            f = f_1
            v = 1.0 / (3.0 * f * f)
            misfits += 0 if fits_cbrt(f_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                f = np.cbrt(a)
                v = 1.0 / (3.0 * f * f)
                work[z + j] = v
    elif op == 80 or op == 82:  # power_slope_a, power_constant_slope
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            f_0 = a
            f_1 = b
            f_2 = fast_power(f_0, f_1)
            f = f_2
            p = f / a
            v = b * p if b != 0.0 or abs(p) < np.inf else 0.0
            misfits += 0 if fits_power(f_0, f_1) else 1
            misfits += 0 if abs(f) > 2.3e-308 and abs(f) < np.inf else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                f = a ** b
                p = f / a if abs(f) > 2.3e-308 and abs(f) < np.inf else a ** (b - 1.0)
                v = b * p if b != 0.0 or abs(p) < np.inf else 0.0
                work[z + j] = v
    elif op == 81:  # power_slope_b
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            f_0 = a
            f_1 = b
            f_2 = fast_power(f_0, f_1)
            f = f_2
            v_0 = a
            v_1 = fast_log(v_0)
            v = 0.0 if a == 0.0 and b >= 0.0 else f * v_1
            misfits += 0 if fits_power(f_0, f_1) else 1
            misfits += 0 if fits_log(v_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                f = a ** b
                v = 0.0 if a == 0.0 and b >= 0.0 else f * math.log(a)
                work[z + j] = v
    elif op == 83:  # log_slope
        for j in range(n):
            a = work[x + j]
            v = 1.0 / a if a >= 0.0 else np.nan
            work[z + j] = v
    elif op == 84:  # log2_slope
        for j in range(n):
            a = work[x + j]
            v = 1.0 / 0.6931471805599453 / a if a >= 0.0 else np.nan
            work[z + j] = v
    elif op == 85:  # log10_slope
        for j in range(n):
            a = work[x + j]
            v = 1.0 / 2.302585092994046 / a if a >= 0.0 else np.nan
            work[z + j] = v
    elif op == 86:  # log1p_slope
        for j in range(n):
            a = work[x + j]
            v = 1.0 / (1.0 + a) if a >= -1.0 else np.nan
            work[z + j] = v
    elif op == 87:  # logaddexp_slope_a
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p_0 = d
            p_1 = fast_exp(p_0)
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + p_1 * (1.0 + e))
            v = p
            misfits += 0 if fits_exp(p_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                d = b - a
                e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
                p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(d) * (1.0 + e))
                v = p
                work[z + j] = v
    elif op == 88:  # logaddexp_slope_b
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            q_0 = -d
            q_1 = fast_exp(q_0)
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + q_1 * (1.0 - e))
            v = q
            misfits += 0 if fits_exp(q_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                d = b - a
                e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
                q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(-d) * (1.0 - e))
                v = q
                work[z + j] = v
    elif op == 89:  # logaddexp2_slope_a
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p_0 = d
            p_1 = fast_exp2(p_0)
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + p_1 * (1.0 + 0.6931471805599453 * e))
            v = p
            misfits += 0 if fits_exp2(p_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                d = b - a
                e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
                p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(d) * (1.0 + 0.6931471805599453 * e))
                v = p
                work[z + j] = v
    elif op == 90:  # logaddexp2_slope_b
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            q_0 = -d
            q_1 = fast_exp2(q_0)
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + q_1 * (1.0 - 0.6931471805599453 * e))
            v = q
            misfits += 0 if fits_exp2(q_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                d = b - a
                e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
                q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(-d) * (1.0 - 0.6931471805599453 * e))
                v = q
                work[z + j] = v
    elif op == 91:  # arcsin_slope
        for j in range(n):
            a = work[x + j]
            p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
            v = p
            work[z + j] = v
    elif op == 92:  # arccos_slope
        for j in range(n):
            a = work[x + j]
            p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
            v = -p
            work[z + j] = v
    elif op == 93:  # arctan_slope
        for j in range(n):
            a = work[x + j]
            p = 1.0 / (1.0 + a * a)
            v = p
            work[z + j] = v
    elif op == 94:  # arctan2_slope_a
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            r_0 = a
            r_1 = b
            r_2 = fast_hypot(r_0, r_1)
            r = r_2
            s = b / r if r != 0.0 else 0.0
            v = s / r if r != 0.0 else 0.0
            misfits += 0 if fits_hypot(r_0, r_1) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                r = math.hypot(a, b)
                s = b / r if r != 0.0 else 0.0
                v = s / r if r != 0.0 else 0.0
                work[z + j] = v
    elif op == 95:  # arctan2_slope_b
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            r_0 = a
            r_1 = b
            r_2 = fast_hypot(r_0, r_1)
            r = r_2
            t = a / r if r != 0.0 else 0.0
            v = -t / r if r != 0.0 else 0.0
            misfits += 0 if fits_hypot(r_0, r_1) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                r = math.hypot(a, b)
                t = a / r if r != 0.0 else 0.0
                v = -t / r if r != 0.0 else 0.0
                work[z + j] = v
    elif op == 96:  # tanh_slope
        misfits = 0
        for j in range(n):
            a = work[x + j]
            u_0 = a
            u_1 = fast_sech(u_0)
            u = u_1
            v = u * u
            misfits += 0 if fits_sech(u_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                u = sech(a)
                v = u * u
                work[z + j] = v
    elif op == 97:  # arcsinh_slope
        misfits = 0
        for j in range(n):
            a = work[x + j]
            p_0 = 1.0
            p_1 = a
            p_2 = fast_hypot(p_0, p_1)
            p = 1.0 / p_2
            v = p
            misfits += 0 if fits_hypot(p_0, p_1) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / math.hypot(1.0, a)
                v = p
                work[z + j] = v
    elif op == 98:  # arccosh_slope
        for j in range(n):
            a = work[x + j]
            p = 1.0 / (math.sqrt(a - 1.0) * math.sqrt(a + 1.0))
            v = p
            work[z + j] = v
    elif op == 99:  # arctanh_slope
        for j in range(n):
            a = work[x + j]
            p = 1.0 / ((1.0 - a) * (1.0 + a)) if abs(a) <= 1.0 else np.nan
            v = p
            work[z + j] = v
    elif op == 100:  # hypot_slope_a
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            f_0 = a
            f_1 = b
            f_2 = fast_hypot(f_0, f_1)
            f = f_2
            t = a / f if f != 0.0 else 0.0
            v = t
            misfits += 0 if fits_hypot(f_0, f_1) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                f = math.hypot(a, b)
                t = a / f if f != 0.0 else 0.0
                v = t
                work[z + j] = v
    elif op == 101:  # hypot_slope_b
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            f_0 = a
            f_1 = b
            f_2 = fast_hypot(f_0, f_1)
            f = f_2
            s = b / f if f != 0.0 else 0.0
            v = s
            misfits += 0 if fits_hypot(f_0, f_1) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                f = math.hypot(a, b)
                s = b / f if f != 0.0 else 0.0
                v = s
                work[z + j] = v
    elif op == 102:  # erf_slope
        misfits = 0
        for j in range(n):
            a = work[x + j]
            h = np.rint(a * 16.0) / 16.0
            g_0 = -h * h
            g_1 = fast_exp(g_0)
            g_2 = (h - a) * (h + a)
            g_3 = fast_exp(g_2)
            g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * g_1 * g_3
            v = g
            misfits += 0 if fits_exp(g_0) else 1
            misfits += 0 if fits_exp(g_2) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                h = np.rint(a * 16.0) / 16.0
                g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * math.exp(-h * h) * math.exp((h - a) * (h + a))
                v = g
                work[z + j] = v
    elif op == 103:  # erfc_slope
        misfits = 0
        for j in range(n):
            a = work[x + j]
            h = np.rint(a * 16.0) / 16.0
            g_0 = -h * h
            g_1 = fast_exp(g_0)
            g_2 = (h - a) * (h + a)
            g_3 = fast_exp(g_2)
            g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * g_1 * g_3
            v = -g
            misfits += 0 if fits_exp(g_0) else 1
            misfits += 0 if fits_exp(g_2) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                h = np.rint(a * 16.0) / 16.0
                g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * math.exp(-h * h) * math.exp((h - a) * (h + a))
                v = -g
                work[z + j] = v
    elif op == 104:  # expit_slope
        misfits = 0
        for j in range(n):
            a = work[x + j]
            e_0 = -a if a >= 0.0 else a
            e_1 = fast_exp(e_0)
            e = e_1
            p = 1.0 / (1.0 + e) if a >= 0.0 else e / (1.0 + e)
            q = e / (1.0 + e) if a >= 0.0 else 1.0 / (1.0 + e)
            v = p * q
            misfits += 0 if fits_exp(e_0) else 1
            work[z + j] = v
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                e = math.exp(-a if a >= 0.0 else a)
                p = 1.0 / (1.0 + e) if a >= 0.0 else e / (1.0 + e)
                q = e / (1.0 + e) if a >= 0.0 else 1.0 / (1.0 + e)
                v = p * q
                work[z + j] = v
    else:
        for j in range(n):
            work[z + j] = np.nan


def slope_linearize(op, work, x, y, w, z, n, first, second, third):
    if op == 106:  # cbrt_slope
        misfits = 0
        for j in range(n):
            a = work[x + j]
            f_0 = a
            f_1 = fast_cbrt(f_0)
            f = f_1
            v = 1.0 / (3.0 * f * f)
            da = -2.0 / (9.0 * f * f) / a
            misfits += 0 if fits_cbrt(f_0) else 1
            work[z + j] = v
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                f = np.cbrt(a)
                v = 1.0 / (3.0 * f * f)
                da = -2.0 / (9.0 * f * f) / a
                work[z + j] = v
                work[first + j] = da
    elif op == 80:  # power_slope_a
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            f_0 = a
            f_1 = b
            f_2 = fast_power(f_0, f_1)
            f = f_2
            p = f / a
            q = p / a
            v = b * p if b != 0.0 or abs(p) < np.inf else 0.0
            da = b * (b - 1.0) * q if b != 0.0 and b != 1.0 or abs(q) < np.inf else 0.0
            db_0 = a
            db_1 = fast_log(db_0)
            db = 0.0 if a == 0.0 and b > 1.0 else p * (1.0 + b * db_1)
            misfits += 0 if fits_power(f_0, f_1) else 1
            misfits += 0 if abs(f) > 2.3e-308 and abs(f) < np.inf else 1
            misfits += 0 if abs(p) > 2.3e-308 and abs(p) < np.inf else 1
            misfits += 0 if fits_log(db_0) else 1
            work[z + j] = v
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                f = a ** b
                p = f / a if abs(f) > 2.3e-308 and abs(f) < np.inf else a ** (b - 1.0)
                q = p / a if abs(p) > 2.3e-308 and abs(p) < np.inf else a ** (b - 2.0)
                v = b * p if b != 0.0 or abs(p) < np.inf else 0.0
                da = b * (b - 1.0) * q if b != 0.0 and b != 1.0 or abs(q) < np.inf else 0.0
                db = 0.0 if a == 0.0 and b > 1.0 else p * (1.0 + b * math.log(a))
                work[z + j] = v
                work[first + j] = da
                work[second + j] = db
    elif op == 81:  # power_slope_b
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            f_0 = a
            f_1 = b
            f_2 = fast_power(f_0, f_1)
            f = f_2
            p = f / a
            v_0 = a
            v_1 = fast_log(v_0)
            v = 0.0 if a == 0.0 and b >= 0.0 else f * v_1
            da_0 = a
            da_1 = fast_log(da_0)
            da = 0.0 if a == 0.0 and b > 1.0 else p * (1.0 + b * da_1)
            db_0 = a
            db_1 = fast_log(db_0)
            db_2 = a
            db_3 = fast_log(db_2)
            db = 0.0 if a == 0.0 and b >= 0.0 else f * db_1 * db_3
            misfits += 0 if fits_power(f_0, f_1) else 1
            misfits += 0 if abs(f) > 2.3e-308 and abs(f) < np.inf else 1
            misfits += 0 if fits_log(v_0) else 1
            misfits += 0 if fits_log(da_0) else 1
            misfits += 0 if fits_log(db_0) else 1
            misfits += 0 if fits_log(db_2) else 1
            work[z + j] = v
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                f = a ** b
                p = f / a if abs(f) > 2.3e-308 and abs(f) < np.inf else a ** (b - 1.0)
                v = 0.0 if a == 0.0 and b >= 0.0 else f * math.log(a)
                da = 0.0 if a == 0.0 and b > 1.0 else p * (1.0 + b * math.log(a))
                db = 0.0 if a == 0.0 and b >= 0.0 else f * math.log(a) * math.log(a)
                work[z + j] = v
                work[first + j] = da
                work[second + j] = db
    elif op == 82:  # power_constant_slope
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            f_0 = a
            f_1 = b
            f_2 = fast_power(f_0, f_1)
            f = f_2
            p = f / a
            q = p / a
            v = b * p if b != 0.0 or abs(p) < np.inf else 0.0
            da = b * (b - 1.0) * q if b != 0.0 and b != 1.0 or abs(q) < np.inf else 0.0
            db = 0.0
            misfits += 0 if fits_power(f_0, f_1) else 1
            misfits += 0 if abs(f) > 2.3e-308 and abs(f) < np.inf else 1
            misfits += 0 if abs(p) > 2.3e-308 and abs(p) < np.inf else 1
            work[z + j] = v
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                f = a ** b
                p = f / a if abs(f) > 2.3e-308 and abs(f) < np.inf else a ** (b - 1.0)
                q = p / a if abs(p) > 2.3e-308 and abs(p) < np.inf else a ** (b - 2.0)
                v = b * p if b != 0.0 or abs(p) < np.inf else 0.0
                da = b * (b - 1.0) * q if b != 0.0 and b != 1.0 or abs(q) < np.inf else 0.0
                db = 0.0
                work[z + j] = v
                work[first + j] = da
                work[second + j] = db
    elif op == 87:  # logaddexp_slope_a
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p_0 = d
            p_1 = fast_exp(p_0)
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + p_1 * (1.0 + e))
            q_0 = -d
            q_1 = fast_exp(q_0)
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + q_1 * (1.0 - e))
            v = p
            da = p * q
            db = -p * q
            misfits += 0 if fits_exp(p_0) else 1
            misfits += 0 if fits_exp(q_0) else 1
            work[z + j] = v
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                d = b - a
                e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
                p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(d) * (1.0 + e))
                q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(-d) * (1.0 - e))
                v = p
                da = p * q
                db = -p * q
                work[z + j] = v
                work[first + j] = da
                work[second + j] = db
    elif op == 88:  # logaddexp_slope_b
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p_0 = d
            p_1 = fast_exp(p_0)
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + p_1 * (1.0 + e))
            q_0 = -d
            q_1 = fast_exp(q_0)
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + q_1 * (1.0 - e))
            v = q
            da = -p * q
            db = p * q
            misfits += 0 if fits_exp(p_0) else 1
            misfits += 0 if fits_exp(q_0) else 1
            work[z + j] = v
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                d = b - a
                e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
                p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(d) * (1.0 + e))
                q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(-d) * (1.0 - e))
                v = q
                da = -p * q
                db = p * q
                work[z + j] = v
                work[first + j] = da
                work[second + j] = db
    elif op == 89:  # logaddexp2_slope_a
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p_0 = d
            p_1 = fast_exp2(p_0)
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + p_1 * (1.0 + 0.6931471805599453 * e))
            q_0 = -d
            q_1 = fast_exp2(q_0)
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + q_1 * (1.0 - 0.6931471805599453 * e))
            v = p
            da = 0.6931471805599453 * (p * q)
            db = -0.6931471805599453 * (p * q)
            misfits += 0 if fits_exp2(p_0) else 1
            misfits += 0 if fits_exp2(q_0) else 1
            work[z + j] = v
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                d = b - a
                e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
                p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(d) * (1.0 + 0.6931471805599453 * e))
                q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(-d) * (1.0 - 0.6931471805599453 * e))
                v = p
                da = 0.6931471805599453 * (p * q)
                db = -0.6931471805599453 * (p * q)
                work[z + j] = v
                work[first + j] = da
                work[second + j] = db
    elif op == 90:  # logaddexp2_slope_b
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p_0 = d
            p_1 = fast_exp2(p_0)
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + p_1 * (1.0 + 0.6931471805599453 * e))
            q_0 = -d
            q_1 = fast_exp2(q_0)
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + q_1 * (1.0 - 0.6931471805599453 * e))
            v = q
            da = -0.6931471805599453 * (p * q)
            db = 0.6931471805599453 * (p * q)
            misfits += 0 if fits_exp2(p_0) else 1
            misfits += 0 if fits_exp2(q_0) else 1
            work[z + j] = v
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                d = b - a
                e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
                p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(d) * (1.0 + 0.6931471805599453 * e))
                q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(-d) * (1.0 - 0.6931471805599453 * e))
                v = q
                da = -0.6931471805599453 * (p * q)
                db = 0.6931471805599453 * (p * q)
                work[z + j] = v
                work[first + j] = da
                work[second + j] = db
    elif op == 94:  # arctan2_slope_a
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            r_0 = a
            r_1 = b
            r_2 = fast_hypot(r_0, r_1)
            r = r_2
            t = a / r if r != 0.0 else 0.0
            s = b / r if r != 0.0 else 0.0
            v = s / r if r != 0.0 else 0.0
            da = -2.0 * t * s / r / r if r != 0.0 else 0.0
            db = 4.0 * ((0.5 * a - 0.5 * b) / r) * ((0.5 * a + 0.5 * b) / r) / r / r if r != 0.0 else 0.0
            misfits += 0 if fits_hypot(r_0, r_1) else 1
            work[z + j] = v
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                r = math.hypot(a, b)
                t = a / r if r != 0.0 else 0.0
                s = b / r if r != 0.0 else 0.0
                v = s / r if r != 0.0 else 0.0
                da = -2.0 * t * s / r / r if r != 0.0 else 0.0
                db = 4.0 * ((0.5 * a - 0.5 * b) / r) * ((0.5 * a + 0.5 * b) / r) / r / r if r != 0.0 else 0.0
                work[z + j] = v
                work[first + j] = da
                work[second + j] = db
    elif op == 95:  # arctan2_slope_b
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            r_0 = a
            r_1 = b
            r_2 = fast_hypot(r_0, r_1)
            r = r_2
            t = a / r if r != 0.0 else 0.0
            s = b / r if r != 0.0 else 0.0
            v = -t / r if r != 0.0 else 0.0
            da = 4.0 * ((0.5 * a - 0.5 * b) / r) * ((0.5 * a + 0.5 * b) / r) / r / r if r != 0.0 else 0.0
            db = 2.0 * t * s / r / r if r != 0.0 else 0.0
            misfits += 0 if fits_hypot(r_0, r_1) else 1
            work[z + j] = v
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                r = math.hypot(a, b)
                t = a / r if r != 0.0 else 0.0
                s = b / r if r != 0.0 else 0.0
                v = -t / r if r != 0.0 else 0.0
                da = 4.0 * ((0.5 * a - 0.5 * b) / r) * ((0.5 * a + 0.5 * b) / r) / r / r if r != 0.0 else 0.0
                db = 2.0 * t * s / r / r if r != 0.0 else 0.0
                work[z + j] = v
                work[first + j] = da
                work[second + j] = db
    elif op == 96:  # tanh_slope
        misfits = 0
        for j in range(n):
            a = work[x + j]
            f_0 = a
            f_1 = fast_tanh(f_0)
            f = f_1
            u_0 = a
            u_1 = fast_sech(u_0)
            u = u_1
            v = u * u
            da = -2.0 * f * u * u
            misfits += 0 if fits_tanh(f_0) else 1
            misfits += 0 if fits_sech(u_0) else 1
            work[z + j] = v
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                f = math.tanh(a)
                u = sech(a)
                v = u * u
                da = -2.0 * f * u * u
                work[z + j] = v
                work[first + j] = da
    elif op == 97:  # arcsinh_slope
        misfits = 0
        for j in range(n):
            a = work[x + j]
            p_0 = 1.0
            p_1 = a
            p_2 = fast_hypot(p_0, p_1)
            p = 1.0 / p_2
            v = p
            da = -a * p * p * p if p != 0.0 else 0.0
            misfits += 0 if fits_hypot(p_0, p_1) else 1
            work[z + j] = v
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / math.hypot(1.0, a)
                v = p
                da = -a * p * p * p if p != 0.0 else 0.0
                work[z + j] = v
                work[first + j] = da
    elif op == 100:  # hypot_slope_a
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            f_0 = a
            f_1 = b
            f_2 = fast_hypot(f_0, f_1)
            f = f_2
            t = a / f if f != 0.0 else 0.0
            s = b / f if f != 0.0 else 0.0
            v = t
            da = s / f * s if f != 0.0 else 0.0
            db = -t * s / f if f != 0.0 else 0.0
            misfits += 0 if fits_hypot(f_0, f_1) else 1
            work[z + j] = v
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                f = math.hypot(a, b)
                t = a / f if f != 0.0 else 0.0
                s = b / f if f != 0.0 else 0.0
                v = t
                da = s / f * s if f != 0.0 else 0.0
                db = -t * s / f if f != 0.0 else 0.0
                work[z + j] = v
                work[first + j] = da
                work[second + j] = db
    elif op == 101:  # hypot_slope_b
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            f_0 = a
            f_1 = b
            f_2 = fast_hypot(f_0, f_1)
            f = f_2
            t = a / f if f != 0.0 else 0.0
            s = b / f if f != 0.0 else 0.0
            v = s
            da = -t * s / f if f != 0.0 else 0.0
            db = t / f * t if f != 0.0 else 0.0
            misfits += 0 if fits_hypot(f_0, f_1) else 1
            work[z + j] = v
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                f = math.hypot(a, b)
                t = a / f if f != 0.0 else 0.0
                s = b / f if f != 0.0 else 0.0
                v = s
                da = -t * s / f if f != 0.0 else 0.0
                db = t / f * t if f != 0.0 else 0.0
                work[z + j] = v
                work[first + j] = da
                work[second + j] = db
    elif op == 102:  # erf_slope
        misfits = 0
        for j in range(n):
            a = work[x + j]
            h = np.rint(a * 16.0) / 16.0
            g_0 = -h * h
            g_1 = fast_exp(g_0)
            g_2 = (h - a) * (h + a)
            g_3 = fast_exp(g_2)
            g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * g_1 * g_3
            v = g
            da = -2.0 * a * g if g != 0.0 else 0.0
            misfits += 0 if fits_exp(g_0) else 1
            misfits += 0 if fits_exp(g_2) else 1
            work[z + j] = v
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                h = np.rint(a * 16.0) / 16.0
                g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * math.exp(-h * h) * math.exp((h - a) * (h + a))
                v = g
                da = -2.0 * a * g if g != 0.0 else 0.0
                work[z + j] = v
                work[first + j] = da
    elif op == 103:  # erfc_slope
        misfits = 0
        for j in range(n):
            a = work[x + j]
            h = np.rint(a * 16.0) / 16.0
            g_0 = -h * h
            g_1 = fast_exp(g_0)
            g_2 = (h - a) * (h + a)
            g_3 = fast_exp(g_2)
            g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * g_1 * g_3
            v = -g
            da = 2.0 * a * g if g != 0.0 else 0.0
            misfits += 0 if fits_exp(g_0) else 1
            misfits += 0 if fits_exp(g_2) else 1
            work[z + j] = v
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                h = np.rint(a * 16.0) / 16.0
                g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * math.exp(-h * h) * math.exp((h - a) * (h + a))
                v = -g
                da = 2.0 * a * g if g != 0.0 else 0.0
                work[z + j] = v
                work[first + j] = da
    elif op == 104:  # expit_slope
        misfits = 0
        for j in range(n):
            a = work[x + j]
            e_0 = -a if a >= 0.0 else a
            e_1 = fast_exp(e_0)
            e = e_1
            p = 1.0 / (1.0 + e) if a >= 0.0 else e / (1.0 + e)
            q = e / (1.0 + e) if a >= 0.0 else 1.0 / (1.0 + e)
            v = p * q
            da_0 = 0.5 * a
            da_1 = fast_tanh(da_0)
            da = -p * q * da_1
            misfits += 0 if fits_exp(e_0) else 1
            misfits += 0 if fits_tanh(da_0) else 1
            work[z + j] = v
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                e = math.exp(-a if a >= 0.0 else a)
                p = 1.0 / (1.0 + e) if a >= 0.0 else e / (1.0 + e)
                q = e / (1.0 + e) if a >= 0.0 else 1.0 / (1.0 + e)
                v = p * q
                da = -p * q * math.tanh(0.5 * a)
                work[z + j] = v
                work[first + j] = da
    else:
        for j in range(n):
            work[z + j] = np.nan
            work[first + j] = np.nan
            work[second + j] = np.nan
            work[third + j] = np.nan


def slope_adjoint(op, work, x, y, w, z, n, first, second, third, seeds, at_once):
    if op == 105:  # sqrt_slope
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                f = math.sqrt(a)
                slope = -0.25 / abs(f) / abs(a)
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                f = math.sqrt(a)
                slope = -0.25 / abs(f) / abs(a)
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 83:  # log_slope
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                slope = -1.0 / a / a if a >= 0.0 else np.nan
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                slope = -1.0 / a / a if a >= 0.0 else np.nan
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 84:  # log2_slope
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                slope = -1.0 / 0.6931471805599453 / a / a if a >= 0.0 else np.nan
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                slope = -1.0 / 0.6931471805599453 / a / a if a >= 0.0 else np.nan
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 85:  # log10_slope
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                slope = -1.0 / 2.302585092994046 / a / a if a >= 0.0 else np.nan
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                slope = -1.0 / 2.302585092994046 / a / a if a >= 0.0 else np.nan
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 86:  # log1p_slope
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                slope = -1.0 / (1.0 + a) / (1.0 + a) if a >= -1.0 else np.nan
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                slope = -1.0 / (1.0 + a) / (1.0 + a) if a >= -1.0 else np.nan
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 91:  # arcsin_slope
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
                slope = a * p * p * p
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
                slope = a * p * p * p
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 92:  # arccos_slope
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
                slope = -a * p * p * p
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
                slope = -a * p * p * p
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 93:  # arctan_slope
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / (1.0 + a * a)
                slope = -2.0 * a * p * p if p != 0.0 else 0.0
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / (1.0 + a * a)
                slope = -2.0 * a * p * p if p != 0.0 else 0.0
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 98:  # arccosh_slope
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / (math.sqrt(a - 1.0) * math.sqrt(a + 1.0))
                slope = -a * p * p * p if p != 0.0 else 0.0
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / (math.sqrt(a - 1.0) * math.sqrt(a + 1.0))
                slope = -a * p * p * p if p != 0.0 else 0.0
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    elif op == 99:  # arctanh_slope
        if first >= 0 and at_once & 1:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / ((1.0 - a) * (1.0 + a)) if abs(a) <= 1.0 else np.nan
                slope = 2.0 * a * p * p
                bar = work[seeds + j]
                work[first + j] = 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
        elif first >= 0:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / ((1.0 - a) * (1.0 + a)) if abs(a) <= 1.0 else np.nan
                slope = 2.0 * a * p * p
                bar = work[seeds + j]
                work[first + j] += 0.0 if slope == 0.0 or bar == 0.0 else slope * bar
    else:
        return


def slope_partials(op, work, x, y, w, z, n, first, second, third):
    if op == 105:  # sqrt_slope
        for j in range(n):
            a = work[x + j]
            f = math.sqrt(a)
            da = -0.25 / abs(f) / abs(a)
            work[first + j] = da
    elif op == 106:  # cbrt_slope
        misfits = 0
        for j in range(n):
            a = work[x + j]
            f_0 = a
            f_1 = fast_cbrt(f_0)
            f = f_1
            da = -2.0 / (9.0 * f * f) / a
            misfits += 0 if fits_cbrt(f_0) else 1
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                f = np.cbrt(a)
                da = -2.0 / (9.0 * f * f) / a
                work[first + j] = da
    elif op == 80:  # power_slope_a
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            f_0 = a
            f_1 = b
            f_2 = fast_power(f_0, f_1)
            f = f_2
            p = f / a
            q = p / a
            da = b * (b - 1.0) * q if b != 0.0 and b != 1.0 or abs(q) < np.inf else 0.0
            db_0 = a
            db_1 = fast_log(db_0)
            db = 0.0 if a == 0.0 and b > 1.0 else p * (1.0 + b * db_1)
            misfits += 0 if fits_power(f_0, f_1) else 1
            misfits += 0 if abs(f) > 2.3e-308 and abs(f) < np.inf else 1
            misfits += 0 if abs(p) > 2.3e-308 and abs(p) < np.inf else 1
            misfits += 0 if fits_log(db_0) else 1
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                f = a ** b
                p = f / a if abs(f) > 2.3e-308 and abs(f) < np.inf else a ** (b - 1.0)
                q = p / a if abs(p) > 2.3e-308 and abs(p) < np.inf else a ** (b - 2.0)
                da = b * (b - 1.0) * q if b != 0.0 and b != 1.0 or abs(q) < np.inf else 0.0
                db = 0.0 if a == 0.0 and b > 1.0 else p * (1.0 + b * math.log(a))
                work[first + j] = da
                work[second + j] = db
    elif op == 81:  # power_slope_b
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            f_0 = a
            f_1 = b
            f_2 = fast_power(f_0, f_1)
            f = f_2
            p = f / a
            da_0 = a
            da_1 = fast_log(da_0)
            da = 0.0 if a == 0.0 and b > 1.0 else p * (1.0 + b * da_1)
            db_0 = a
            db_1 = fast_log(db_0)
            db_2 = a
            db_3 = fast_log(db_2)
            db = 0.0 if a == 0.0 and b >= 0.0 else f * db_1 * db_3
            misfits += 0 if fits_power(f_0, f_1) else 1
            misfits += 0 if abs(f) > 2.3e-308 and abs(f) < np.inf else 1
            misfits += 0 if fits_log(da_0) else 1
            misfits += 0 if fits_log(db_0) else 1
            misfits += 0 if fits_log(db_2) else 1
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                f = a ** b
                p = f / a if abs(f) > 2.3e-308 and abs(f) < np.inf else a ** (b - 1.0)
                da = 0.0 if a == 0.0 and b > 1.0 else p * (1.0 + b * math.log(a))
                db = 0.0 if a == 0.0 and b >= 0.0 else f * math.log(a) * math.log(a)
                work[first + j] = da
                work[second + j] = db
    elif op == 82:  # power_constant_slope
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            f_0 = a
            f_1 = b
            f_2 = fast_power(f_0, f_1)
            f = f_2
            p = f / a
            q = p / a
            da = b * (b - 1.0) * q if b != 0.0 and b != 1.0 or abs(q) < np.inf else 0.0
            db = 0.0
            misfits += 0 if fits_power(f_0, f_1) else 1
            misfits += 0 if abs(f) > 2.3e-308 and abs(f) < np.inf else 1
            misfits += 0 if abs(p) > 2.3e-308 and abs(p) < np.inf else 1
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                f = a ** b
                p = f / a if abs(f) > 2.3e-308 and abs(f) < np.inf else a ** (b - 1.0)
                q = p / a if abs(p) > 2.3e-308 and abs(p) < np.inf else a ** (b - 2.0)
                da = b * (b - 1.0) * q if b != 0.0 and b != 1.0 or abs(q) < np.inf else 0.0
                db = 0.0
                work[first + j] = da
                work[second + j] = db
    elif op == 83:  # log_slope
        for j in range(n):
            a = work[x + j]
            da = -1.0 / a / a if a >= 0.0 else np.nan
            work[first + j] = da
    elif op == 84:  # log2_slope
        for j in range(n):
            a = work[x + j]
            da = -1.0 / 0.6931471805599453 / a / a if a >= 0.0 else np.nan
            work[first + j] = da
    elif op == 85:  # log10_slope
        for j in range(n):
            a = work[x + j]
            da = -1.0 / 2.302585092994046 / a / a if a >= 0.0 else np.nan
            work[first + j] = da
    elif op == 86:  # log1p_slope
        for j in range(n):
            a = work[x + j]
            da = -1.0 / (1.0 + a) / (1.0 + a) if a >= -1.0 else np.nan
            work[first + j] = da
    elif op == 87:  # logaddexp_slope_a
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p_0 = d
            p_1 = fast_exp(p_0)
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + p_1 * (1.0 + e))
            q_0 = -d
            q_1 = fast_exp(q_0)
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + q_1 * (1.0 - e))
            da = p * q
            db = -p * q
            misfits += 0 if fits_exp(p_0) else 1
            misfits += 0 if fits_exp(q_0) else 1
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                d = b - a
                e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
                p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(d) * (1.0 + e))
                q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(-d) * (1.0 - e))
                da = p * q
                db = -p * q
                work[first + j] = da
                work[second + j] = db
    elif op == 88:  # logaddexp_slope_b
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p_0 = d
            p_1 = fast_exp(p_0)
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + p_1 * (1.0 + e))
            q_0 = -d
            q_1 = fast_exp(q_0)
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + q_1 * (1.0 - e))
            da = -p * q
            db = p * q
            misfits += 0 if fits_exp(p_0) else 1
            misfits += 0 if fits_exp(q_0) else 1
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                d = b - a
                e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
                p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(d) * (1.0 + e))
                q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + math.exp(-d) * (1.0 - e))
                da = -p * q
                db = p * q
                work[first + j] = da
                work[second + j] = db
    elif op == 89:  # logaddexp2_slope_a
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p_0 = d
            p_1 = fast_exp2(p_0)
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + p_1 * (1.0 + 0.6931471805599453 * e))
            q_0 = -d
            q_1 = fast_exp2(q_0)
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + q_1 * (1.0 - 0.6931471805599453 * e))
            da = 0.6931471805599453 * (p * q)
            db = -0.6931471805599453 * (p * q)
            misfits += 0 if fits_exp2(p_0) else 1
            misfits += 0 if fits_exp2(q_0) else 1
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                d = b - a
                e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
                p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(d) * (1.0 + 0.6931471805599453 * e))
                q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(-d) * (1.0 - 0.6931471805599453 * e))
                da = 0.6931471805599453 * (p * q)
                db = -0.6931471805599453 * (p * q)
                work[first + j] = da
                work[second + j] = db
    elif op == 90:  # logaddexp2_slope_b
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            d = b - a
            e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
            p_0 = d
            p_1 = fast_exp2(p_0)
            p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + p_1 * (1.0 + 0.6931471805599453 * e))
            q_0 = -d
            q_1 = fast_exp2(q_0)
            q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + q_1 * (1.0 - 0.6931471805599453 * e))
            da = -0.6931471805599453 * (p * q)
            db = 0.6931471805599453 * (p * q)
            misfits += 0 if fits_exp2(p_0) else 1
            misfits += 0 if fits_exp2(q_0) else 1
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                d = b - a
                e = b - (d - (d - b)) - (a + (d - b)) if abs(d) < np.inf else 0.0
                p = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(d) * (1.0 + 0.6931471805599453 * e))
                q = 0.5 if a == b and abs(a) == np.inf else 1.0 / (1.0 + np.exp2(-d) * (1.0 - 0.6931471805599453 * e))
                da = -0.6931471805599453 * (p * q)
                db = 0.6931471805599453 * (p * q)
                work[first + j] = da
                work[second + j] = db
    elif op == 91:  # arcsin_slope
        for j in range(n):
            a = work[x + j]
            p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
            da = a * p * p * p
            work[first + j] = da
    elif op == 92:  # arccos_slope
        for j in range(n):
            a = work[x + j]
            p = 1.0 / math.sqrt((1.0 - a) * (1.0 + a))
            da = -a * p * p * p
            work[first + j] = da
    elif op == 93:  # arctan_slope
        for j in range(n):
            a = work[x + j]
            p = 1.0 / (1.0 + a * a)
            da = -2.0 * a * p * p if p != 0.0 else 0.0
            work[first + j] = da
    elif op == 94:  # arctan2_slope_a
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            r_0 = a
            r_1 = b
            r_2 = fast_hypot(r_0, r_1)
            r = r_2
            t = a / r if r != 0.0 else 0.0
            s = b / r if r != 0.0 else 0.0
            da = -2.0 * t * s / r / r if r != 0.0 else 0.0
            db = 4.0 * ((0.5 * a - 0.5 * b) / r) * ((0.5 * a + 0.5 * b) / r) / r / r if r != 0.0 else 0.0
            misfits += 0 if fits_hypot(r_0, r_1) else 1
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                r = math.hypot(a, b)
                t = a / r if r != 0.0 else 0.0
                s = b / r if r != 0.0 else 0.0
                da = -2.0 * t * s / r / r if r != 0.0 else 0.0
                db = 4.0 * ((0.5 * a - 0.5 * b) / r) * ((0.5 * a + 0.5 * b) / r) / r / r if r != 0.0 else 0.0
                work[first + j] = da
                work[second + j] = db
    elif op == 95:  # arctan2_slope_b
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            r_0 = a
            r_1 = b
            r_2 = fast_hypot(r_0, r_1)
            r = r_2
            t = a / r if r != 0.0 else 0.0
            s = b / r if r != 0.0 else 0.0
            da = 4.0 * ((0.5 * a - 0.5 * b) / r) * ((0.5 * a + 0.5 * b) / r) / r / r if r != 0.0 else 0.0
            db = 2.0 * t * s / r / r if r != 0.0 else 0.0
            misfits += 0 if fits_hypot(r_0, r_1) else 1
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                r = math.hypot(a, b)
                t = a / r if r != 0.0 else 0.0
                s = b / r if r != 0.0 else 0.0
                da = 4.0 * ((0.5 * a - 0.5 * b) / r) * ((0.5 * a + 0.5 * b) / r) / r / r if r != 0.0 else 0.0
                db = 2.0 * t * s / r / r if r != 0.0 else 0.0
                work[first + j] = da
                work[second + j] = db
    elif op == 96:  # tanh_slope
        misfits = 0
        for j in range(n):
            a = work[x + j]
            f_0 = a
            f_1 = fast_tanh(f_0)
            f = f_1
            u_0 = a
            u_1 = fast_sech(u_0)
            u = u_1
            da = -2.0 * f * u * u
            misfits += 0 if fits_tanh(f_0) else 1
            misfits += 0 if fits_sech(u_0) else 1
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                f = math.tanh(a)
                u = sech(a)
                da = -2.0 * f * u * u
                work[first + j] = da
    elif op == 97:  # arcsinh_slope
        misfits = 0
        for j in range(n):
            a = work[x + j]
            p_0 = 1.0
            p_1 = a
            p_2 = fast_hypot(p_0, p_1)
            p = 1.0 / p_2
            da = -a * p * p * p if p != 0.0 else 0.0
            misfits += 0 if fits_hypot(p_0, p_1) else 1
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                p = 1.0 / math.hypot(1.0, a)
                da = -a * p * p * p if p != 0.0 else 0.0
                work[first + j] = da
    elif op == 98:  # arccosh_slope
        for j in range(n):
            a = work[x + j]
            p = 1.0 / (math.sqrt(a - 1.0) * math.sqrt(a + 1.0))
            da = -a * p * p * p if p != 0.0 else 0.0
            work[first + j] = da
    elif op == 99:  # arctanh_slope
        for j in range(n):
            a = work[x + j]
            p = 1.0 / ((1.0 - a) * (1.0 + a)) if abs(a) <= 1.0 else np.nan
            da = 2.0 * a * p * p
            work[first + j] = da
    elif op == 100:  # hypot_slope_a
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            f_0 = a
            f_1 = b
            f_2 = fast_hypot(f_0, f_1)
            f = f_2
            t = a / f if f != 0.0 else 0.0
            s = b / f if f != 0.0 else 0.0
            da = s / f * s if f != 0.0 else 0.0
            db = -t * s / f if f != 0.0 else 0.0
            misfits += 0 if fits_hypot(f_0, f_1) else 1
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                f = math.hypot(a, b)
                t = a / f if f != 0.0 else 0.0
                s = b / f if f != 0.0 else 0.0
                da = s / f * s if f != 0.0 else 0.0
                db = -t * s / f if f != 0.0 else 0.0
                work[first + j] = da
                work[second + j] = db
    elif op == 101:  # hypot_slope_b
        misfits = 0
        for j in range(n):
            a = work[x + j]
            b = work[y + j]
            f_0 = a
            f_1 = b
            f_2 = fast_hypot(f_0, f_1)
            f = f_2
            t = a / f if f != 0.0 else 0.0
            s = b / f if f != 0.0 else 0.0
            da = -t * s / f if f != 0.0 else 0.0
            db = t / f * t if f != 0.0 else 0.0
            misfits += 0 if fits_hypot(f_0, f_1) else 1
            work[first + j] = da
            work[second + j] = db
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                b = work[y + j]
                f = math.hypot(a, b)
                t = a / f if f != 0.0 else 0.0
                s = b / f if f != 0.0 else 0.0
                da = -t * s / f if f != 0.0 else 0.0
                db = t / f * t if f != 0.0 else 0.0
                work[first + j] = da
                work[second + j] = db
    elif op == 102:  # erf_slope
        misfits = 0
        for j in range(n):
            a = work[x + j]
            h = np.rint(a * 16.0) / 16.0
            g_0 = -h * h
            g_1 = fast_exp(g_0)
            g_2 = (h - a) * (h + a)
            g_3 = fast_exp(g_2)
            g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * g_1 * g_3
            da = -2.0 * a * g if g != 0.0 else 0.0
            misfits += 0 if fits_exp(g_0) else 1
            misfits += 0 if fits_exp(g_2) else 1
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                h = np.rint(a * 16.0) / 16.0
                g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * math.exp(-h * h) * math.exp((h - a) * (h + a))
                da = -2.0 * a * g if g != 0.0 else 0.0
                work[first + j] = da
    elif op == 103:  # erfc_slope
        misfits = 0
        for j in range(n):
            a = work[x + j]
            h = np.rint(a * 16.0) / 16.0
            g_0 = -h * h
            g_1 = fast_exp(g_0)
            g_2 = (h - a) * (h + a)
            g_3 = fast_exp(g_2)
            g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * g_1 * g_3
            da = 2.0 * a * g if g != 0.0 else 0.0
            misfits += 0 if fits_exp(g_0) else 1
            misfits += 0 if fits_exp(g_2) else 1
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                h = np.rint(a * 16.0) / 16.0
                g = 0.0 if abs(a) > 28.0 else 1.1283791670955126 * math.exp(-h * h) * math.exp((h - a) * (h + a))
                da = 2.0 * a * g if g != 0.0 else 0.0
                work[first + j] = da
    elif op == 104:  # expit_slope
        misfits = 0
        for j in range(n):
            a = work[x + j]
            e_0 = -a if a >= 0.0 else a
            e_1 = fast_exp(e_0)
            e = e_1
            p = 1.0 / (1.0 + e) if a >= 0.0 else e / (1.0 + e)
            q = e / (1.0 + e) if a >= 0.0 else 1.0 / (1.0 + e)
            da_0 = 0.5 * a
            da_1 = fast_tanh(da_0)
            da = -p * q * da_1
            misfits += 0 if fits_exp(e_0) else 1
            misfits += 0 if fits_tanh(da_0) else 1
            work[first + j] = da
        if misfits > 0:
            for j in range(n):
                a = work[x + j]
                e = math.exp(-a if a >= 0.0 else a)
                p = 1.0 / (1.0 + e) if a >= 0.0 else e / (1.0 + e)
                q = e / (1.0 + e) if a >= 0.0 else 1.0 / (1.0 + e)
                da = -p * q * math.tanh(0.5 * a)
                work[first + j] = da
    else:
        for j in range(n):
            work[first + j] = 0.0
            work[second + j] = 0.0
            work[third + j] = 0.0
