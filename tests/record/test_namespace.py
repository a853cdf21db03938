"""What a recorded function sees, what everyone else sees meanwhile, and what is left afterwards."""

from __future__ import annotations

import builtins
import functools
import gc
import importlib
import inspect
import itertools
import math
import sys
import textwrap
import threading
import time
import traceback
import weakref

import numba
import numpy as np
import pytest
import scipy.optimize

from fastad.record.namespace import Substitution

_NUMBERS = itertools.count()


def zeros(shape, *rest):
    return ("zeros", shape)


def exp(x):
    return ("exp", x)


def norm(x):
    return ("norm", x)


def total(values, start=0):
    return ("sum", tuple(values))


CONVERTED: list = []


def converting(function):
    def converted(x, *rest, **options):
        CONVERTED.append(x)
        return function(x, *rest, **options)

    return converted


PAIRS = [
    (np.zeros, zeros),
    (math.exp, exp),
    (np.linalg.norm, norm),
    (builtins.sum, total),
    *((function, converting(function)) for function in (np.array, np.asarray, np.asanyarray)),
]
SUBSTITUTION = Substitution(PAIRS)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Make a module from source text, under a name of its own."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(source, name=None, package=None):
        name = name or f"user{next(_NUMBERS)}"
        folder = tmp_path / package if package else tmp_path
        folder.mkdir(exist_ok=True)
        if package:
            (folder / "__init__.py").touch()
        (folder / f"{name}.py").write_text(textwrap.dedent(source))
        importlib.invalidate_caches()
        return importlib.import_module(f"{package}.{name}" if package else name)

    return make


def recorded(f, *args, **kwargs):
    with SUBSTITUTION.recording() as view:
        return view.see(f)(*args, **kwargs)


def elsewhere(f, *args):
    """The result of a call in another thread."""
    results = []
    thread = threading.Thread(target=lambda: results.append(f(*args)))
    thread.start()
    thread.join()
    return results[0]


# What names mean ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("np.zeros(3)", ("zeros", 3)),
        ("numpy.zeros(3)", ("zeros", 3)),
        ("z(3)", ("zeros", 3)),
        ("math.exp(1.0)", ("exp", 1.0)),
        ("e(1.0)", ("exp", 1.0)),
        ("np.linalg.norm(1)", ("norm", 1)),
        ("la.norm(1)", ("norm", 1)),
        ("sum([1, 2])", ("sum", (1, 2))),
        ("builtins.sum([1, 2])", ("sum", (1, 2))),
        ("[np.zeros(i) for i in range(2)]", [("zeros", 0), ("zeros", 1)]),
        ("list(np.zeros(i) for i in range(2))", [("zeros", 0), ("zeros", 1)]),
        ("(lambda: (lambda: np.zeros(1))())()", ("zeros", 1)),
        ("globals()['z'](1)", ("zeros", 1)),
        ("globals().get('z')(1)", ("zeros", 1)),
        ("globals().get('absent', 7)", 7),
        ("'z' in globals()", True),
        ("eval('z(1)')", ("zeros", 1)),
        ("__import__('math').exp(1)", ("exp", 1)),
        ("max([1, 2])", 2),
        ("(math.pi, np.float64)", (math.pi, np.float64)),
    ],
)
def test_replacements_however_they_are_named(module, body, expected):
    user = module(f"""
        import builtins, math, numpy, numpy as np, numpy.linalg as la
        from numpy import zeros as z
        from math import exp as e
        def f():
            return {body}
    """)
    assert recorded(user.f) == expected


def test_modules_are_untouched_and_so_is_the_user_module(module):
    user = module("import numpy as np\ndef f(look):\n    look()\n    return np.zeros(1)")
    before, zeros_before = dict(vars(user)), np.zeros

    def look():
        assert vars(user) == before
        assert np.zeros is zeros_before

    assert recorded(user.f, look) == ("zeros", 1)
    assert dict(vars(user)) == before
    assert user.f(int).shape == (1,)


def test_proxy_of_a_module_behaves_like_it(module):
    user = module("""
        import numpy as np
        import types
        def f():
            np.fastad_test_value = 3
            value = np.fastad_test_value
            del np.fastad_test_value
            return value, np.__name__, "zeros" in dir(np), isinstance(np, types.ModuleType), repr(np)
        def g():
            return np.no_such_name
    """)
    assert recorded(user.f) == (3, "numpy", True, True, repr(np))
    assert not hasattr(np, "fastad_test_value")
    with pytest.raises(AttributeError, match="no_such_name"):
        recorded(user.g)


def test_setting_a_module_attribute_sets_the_original(module):
    helper = module("import numpy as np\ndef f(): return np.zeros(1)\ng = None")
    user = module(f"""
        import {helper.__name__} as helper
        def f():
            helper.g = helper.f
            return helper.g()
    """)
    assert recorded(user.f) == ("zeros", 1)
    assert helper.g is helper.f


def test_values_and_opaque_functions_are_seen_as_they_are():
    @numba.njit
    def compiled(x):
        return x

    with SUBSTITUTION.recording() as view:
        plain = (1, 1.5, "a", None, np.ones(2), [1], {"a": 1}, (1, 2))
        opaque = (np.sin, len, np.stack, textwrap.dedent, functools.reduce, scipy.special.erf, compiled)
        for value in (*plain, *opaque, np.random, np.float64):
            assert view.see(value) is value
        assert view.see(np.zeros) is zeros


def test_further_opaque_packages(module):
    user = module("import numpy as np\ndef f(): return np.zeros(1)", package="closed", name="inner")
    with Substitution(PAIRS, opaque=["closed"]).recording() as view:
        assert view.see(user.f) is user.f
        assert view.see(user) is user


def test_a_user_module_with_the_name_of_a_stdlib_module_is_the_users(module, monkeypatch):
    monkeypatch.delitem(sys.modules, "this", raising=False)
    user = module("import numpy as np\ndef f(): return np.zeros(1)", name="this")
    try:
        assert recorded(user.f) == ("zeros", 1)
    finally:
        del sys.modules["this"]


def test_hostile_objects_are_harmless(module):
    user = module("""
        class Hostile:
            __slots__ = ()
            __hash__ = None
            def __getattr__(self, name): raise RuntimeError(name)
            def __eq__(self, other): raise RuntimeError("eq")
            def __bool__(self): raise RuntimeError("bool")
            def __len__(self): raise RuntimeError("len")
            @property
            def __class__(self): raise RuntimeError("class")
            @property
            def __dict__(self): raise RuntimeError("dict")
        class Meta(type):
            def __eq__(self, other): raise RuntimeError("eq")
            def __hash__(self): raise RuntimeError("hash")
            def __getattribute__(self, name): raise RuntimeError(name)
            def __setattr__(self, name, value): raise RuntimeError(name)
        class Worse(Hostile, metaclass=Meta): pass
        ONE, TWO, BOTH = Hostile(), Worse(), None
        BOTH = [ONE, (TWO, {"k": ONE}), Worse]
        def f():
            return ONE, TWO, BOTH, Worse
    """)
    one, two, both, worse = recorded(user.f)
    assert one is user.ONE
    assert two is user.TWO
    assert both is user.BOTH
    assert worse is user.Worse


# Functions ----------------------------------------------------------------------------------------


def test_helpers_in_other_modules(module):
    helper = module("import numpy as np\ndef model(x): return np.zeros(x)", package="pkg", name="helper")
    user = module("""
        import pkg.helper
        from pkg import helper as h
        from pkg.helper import model
        def f(x): return pkg.helper.model(x), h.model(x), model(x), model is h.model
    """)
    assert recorded(user.f, 2) == (("zeros", 2),) * 3 + (True,)
    assert helper.model(2).shape == (2,)


def test_recursion_and_mutual_recursion(module):
    user = module("""
        import math
        def down(n): return math.exp(n) if n == 0 else down(n - 1)
        def even(n): return math.exp(n) if n == 0 else odd(n - 1)
        def odd(n): return even(n - 1)
        def factory():
            def inner(n): return math.exp(n) if n == 0 else inner(n - 1)
            return inner
        inner = factory()
    """)
    assert recorded(user.down, 3) == recorded(user.even, 4) == recorded(user.inner, 3) == ("exp", 0)


def test_what_a_copy_carries(module):
    user = module('''
        def f(x: int, /, y=2, *rest, k: float = 3, **more) -> str:
            """Doc."""
            return f.mark
        f.mark = "m"
    ''')
    with SUBSTITUTION.recording() as view:
        copy = view.see(user.f)
        assert copy is not user.f
        assert copy is view.see(user.f)
        assert copy is view.see(copy)
        for name in ("__name__", "__qualname__", "__module__", "__doc__", "__defaults__", "__kwdefaults__",
                     "__dict__", "__annotations__"):  # fmt: skip
            assert getattr(copy, name) == getattr(user.f, name), name
        assert inspect.signature(copy) == inspect.signature(user.f)
        assert inspect.getsource(copy) == inspect.getsource(user.f)
        assert copy(1) == "m"


def test_functions_in_lists_and_dicts(module):
    user = module("""
        import numpy as np, math
        STEPS = [lambda n: np.zeros(n), math.exp, {"z": [np.zeros]}]
        TABLE = {"e": math.exp, "z": lambda n: np.zeros(n), "inner": STEPS, 3: "three"}
        CYCLE = [math.exp]
        CYCLE.append(CYCLE)
        PLAIN = [1.0, 2.0]
        class Net:
            table = {"z": lambda n: np.zeros(n)}
            def __init__(self): self.layers = [lambda n: np.zeros(n), math.exp]
            def run(self): return [layer(2) for layer in self.layers], self.table["z"](1)
        net = Net()
        def index(): return STEPS[0](1), STEPS[-1]["z"][0](2), CYCLE[1][1][0](3)
        def loop(): return [f(2) for f in STEPS[:2]], [f(1) for name, f in TABLE.items() if name in ("e", "z")]
        def inner(): return TABLE["inner"] is STEPS, type(STEPS) is list, STEPS is STEPS
        def plain(): PLAIN.append(3.0); return PLAIN
        def methods(): return net.run(), Net().run()
        def closure():
            fs = {"e": math.exp}
            return (lambda: fs["e"](5))()
    """)
    z, e = (lambda n: ("zeros", n)), (lambda x: ("exp", x))
    assert recorded(user.index) == (z(1), z(2), e(3))
    assert recorded(user.loop) == ([z(2), e(2)], [e(1), z(1)])
    assert recorded(user.inner) == (True, True, True)
    assert recorded(user.plain) is user.PLAIN
    assert recorded(user.methods) == (([z(2), e(2)], z(1)),) * 2
    assert recorded(user.closure) == e(5)
    assert user.STEPS[1] is math.exp
    assert user.TABLE["z"](2).shape == (2,)


def test_stores_into_lists_and_dicts_of_functions_are_of_originals(module):
    user = module("""
        import numpy as np, math
        def helper(): return np.zeros(1)
        LIST, TABLE = [math.exp], {"e": math.exp, "f": math.exp}
        def f():
            LIST.append(helper)
            LIST.append(np.zeros)
            TABLE["z"] = np.zeros
            del TABLE["e"]
            TABLE["again"] = LIST
            return LIST[1](), TABLE["again"] is LIST
    """)
    before = user.LIST, user.TABLE
    assert recorded(user.f) == (("zeros", 1), True)
    assert before == (user.LIST, user.TABLE)
    assert [math.exp, user.helper, np.zeros] == user.LIST
    assert {"f": math.exp, "z": np.zeros, "again": user.LIST} == user.TABLE
    assert user.TABLE["again"] is user.LIST


def test_function_attributes_keep_state(module):
    user = module("def f():\n    f.count = getattr(f, 'count', 0) + 1")
    recorded(user.f)
    recorded(user.f)
    assert user.f.count == 2


def test_defaults_are_substituted(module):
    user = module("""
        import numpy as np, math
        def g(): return np.zeros(1)
        def f(x, xp=np, g=g, *, e=math.exp): return xp.zeros(x), g(), e(x)
        def again(n, me=None): return me
        again.__defaults__ = (again,)
        def same(): return again is again(0)
    """)
    assert recorded(user.f, 2) == (("zeros", 2), ("zeros", 1), ("exp", 2))
    assert recorded(user.same)
    assert user.f.__defaults__[0] is np


def test_decorators_with_wraps(module):
    user = module("""
        import functools, contextlib, numpy as np
        def twice(f):
            @functools.wraps(f)
            def wrapper(*args, **kwargs): return f(*args, **kwargs), f(*args, **kwargs), np.zeros(0)
            return wrapper
        @twice
        def f(x): return np.zeros(x)
        @contextlib.contextmanager
        def manager(x): yield np.zeros(x)
        def g(x):
            with manager(x) as made: return made
    """)
    assert recorded(user.f, 2) == (("zeros", 2), ("zeros", 2), ("zeros", 0))
    assert recorded(user.g, 2) == ("zeros", 2)
    with SUBSTITUTION.recording() as view:
        assert view.see(user.f).__wrapped__ is user.f.__wrapped__


def test_partials_methods_lambdas_and_tuples(module):
    user = module("""
        import functools, numpy as np
        def f(x, y): return np.zeros((x, y))
        p = functools.partial(f, 1)
        q = functools.partial(lambda g, *, h: (g(1, 1), h(2)), f, h=np.zeros)
        ALL = f, (p, lambda x: np.zeros(x)), 3
        CONSTANT = 1, (2, 3)
        def g(): return ALL[0](0, 0), ALL[1][0](2), ALL[1][1](3), ALL[2], CONSTANT, p(y=4)
    """)
    assert recorded(user.p, 2) == ("zeros", (1, 2))
    assert recorded(user.q) == (("zeros", (1, 1)), ("zeros", 2))
    assert recorded(lambda: np.zeros(1)) == ("zeros", 1)
    assert recorded(user.g) == (
        ("zeros", (0, 0)), ("zeros", (1, 2)), ("zeros", 3), 3, (1, (2, 3)), ("zeros", (1, 4)),
    )  # fmt: skip
    with SUBSTITUTION.recording() as view:
        assert view.see(user.CONSTANT) is user.CONSTANT
        assert view.see(user.ALL) is view.see(user.ALL)


def test_generators(module):
    user = module("import numpy as np\ndef f(n):\n    for i in range(n):\n        yield np.zeros(i)")
    assert recorded(lambda: list(user.f(2))) == [("zeros", 0), ("zeros", 1)]


def test_pure_python_library():
    x = [1.3, 0.7, 0.8]
    expected = scipy.optimize.rosen(x)
    for rosen in (scipy.optimize.rosen, lambda y: scipy.optimize.rosen(y) + 0):
        CONVERTED.clear()
        assert recorded(rosen, x) == expected
        assert CONVERTED[0] is x


def test_callables_that_stay_as_they_are(module):
    user = module("""
        import functools
        @functools.lru_cache
        def cached(n): return n
        def f(): return cached, cached(2)
    """)
    assert recorded(user.f) == (user.cached, 2)
    assert recorded(np.zeros, 3) == ("zeros", 3)
    assert recorded(np.sin, 0.0) == 0.0


# Imports in the body ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "expression", "expected"),
    [
        ("import numpy as np", "np.zeros(1)", ("zeros", 1)),
        ("from numpy import zeros", "zeros(1)", ("zeros", 1)),
        ("from math import exp", "exp(1)", ("exp", 1)),
        ("import numpy.linalg as la", "la.norm(1)", ("norm", 1)),
        ("import numpy.linalg", "numpy.linalg.norm(1)", ("norm", 1)),
        ("from numpy.linalg import norm", "norm(1)", ("norm", 1)),
        ("import scipy.optimize", "scipy.optimize.rosen([1.0, 1.0])", 0.0),
        ("from scipy import optimize as o", "o.rosen([1.0, 1.0])", 0.0),
        ("from .sibling import g", "g()", ("zeros", 5)),
        ("from . import sibling as s", "s.g()", ("zeros", 5)),
    ],
)
def test_imports_in_the_body(module, statement, expression, expected):
    package = f"package{next(_NUMBERS)}"
    module("import numpy as np\ndef g(): return np.zeros(5)", package=package, name="sibling")
    user = module(
        f"""
        def f():
            {statement}
            return {expression}
        def nested():
            def inner():
                {statement}
                return {expression}
            return inner()
        def g():
            import no_such_module
    """,
        package=package,
        name="user",
    )
    assert recorded(user.f) == recorded(user.nested) == expected
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        recorded(user.g)


# Variables ----------------------------------------------------------------------------------------


def test_global_variables(module):
    user = module("""
        COUNT = 0
        def bump():
            global COUNT
            COUNT += 1
            return COUNT
        def f(look):
            return bump(), bump(), look(), bump()
        def fail():
            global COUNT, NEW
            NEW = COUNT = 10
            raise ValueError
    """)
    assert recorded(user.f, lambda: user.COUNT) == (1, 2, 2, 3)
    assert user.COUNT == 3
    with pytest.raises(ValueError):
        recorded(user.fail)
    assert user.COUNT == user.NEW == 10
    assert user.bump() == 11


def test_global_stores_are_of_originals(module):
    user = module("""
        import numpy as np
        def g(): return np.zeros(1)
        def f():
            global library, function, creator
            import numpy as library
            function, creator = g, np.zeros
            return library.zeros(1), function(), creator(1)
    """)
    assert recorded(user.f) == (("zeros", 1),) * 3
    assert user.library is np
    assert user.function is user.g
    assert user.creator is np.zeros


def test_global_stores_are_seen_by_everyone_soon(module):
    helper = module("def read(user): return user.X")
    user = module(f"""
        import sys
        from {helper.__name__} import read
        X = 0
        def f(unsubstituted):
            global X
            X = 1
            own = sys.modules[__name__]
            return X, own.X, read(own), unsubstituted()
    """)
    assert recorded(user.f, lambda: user.X) == (1, 1, 1, 1)


def test_changes_of_globals_by_others_are_seen(module):
    user = module("X = 0\ndef f(change):\n    change()\n    return X")
    assert recorded(user.f, lambda: setattr(user, "X", 5)) == 5


def test_undefined_names(module):
    user = module("""
        def f(): return absent_name
        def g():
            try: return absent_name
            except NameError: return "caught"
    """)
    with pytest.raises(NameError, match="name 'absent_name' is not defined"):
        recorded(user.f)
    assert recorded(user.g) == "caught"


def test_nonlocal_variables(module):
    user = module("""
        import numpy as np
        def counter():
            count, make = 0, np.zeros
            def bump():
                nonlocal count
                count += 1
                return make(count)
            def read(): return count
            def remake(new):
                nonlocal make
                make = new
            def made(): return make
            return bump, read, remake, made
        bump, read, remake, made = counter()
    """)
    assert recorded(user.bump) == ("zeros", 1)
    assert user.read() == 1
    assert user.bump().shape == (2,)
    assert recorded(lambda: (user.bump(), user.read())) == (("zeros", 3), 3)
    assert recorded(lambda: (user.remake(len), user.made())) == (None, len)
    assert user.made() is len
    recorded(lambda: user.remake(user.np.zeros))
    assert user.made() is np.zeros


def test_cells(module):
    def empty():
        return late

    with SUBSTITUTION.recording() as view, pytest.raises(NameError):
        view.see(empty)()
    late = 1

    def outer():
        def helper(n):
            return np.zeros(n)

        def inner(n):
            return helper(n), number

        number = 7
        return inner

    inner = outer()
    with SUBSTITUTION.recording() as view:
        copy = view.see(inner)
        assert inner.__code__.co_freevars == ("helper", "number")
        assert copy.__closure__[0] is not inner.__closure__[0]
        assert copy.__closure__[1] is inner.__closure__[1]
    assert recorded(inner, 2) == (("zeros", 2), 7)
    assert recorded(empty) == 1


# Classes ------------------------------------------------------------------------------------------

CLASSES = """
    import abc, dataclasses, enum, functools, math, typing
    import numpy as np

    class Kernel:
        def __call__(self, x): return np.zeros(x)

    class Base(abc.ABC):
        xp = np
        create = staticmethod(np.zeros)
        def __init__(self, n): self.n, self.kernel = n, Kernel()
        def inherited(self): return np.zeros(self.n)
        def overridden(self): return np.zeros(self.n)
        @abc.abstractmethod
        def abstract(self): ...

    class Model(Base):
        def abstract(self): return np.zeros(self.n)
        def overridden(self): return super().overridden(), "more"
        def helper(self, x): return np.zeros(x)
        def loss(self, x): return self.helper(x)
        def __call__(self, x): return self.loss(x)
        def __add__(self, other): return np.zeros(other)
        def __getitem__(self, key): return np.zeros(key)
        def __len__(self): return int(sum([1])[1][0])
        @property
        def size(self): return np.zeros(self.n)
        @size.setter
        def size(self, value): self.n, self.made = value, np.zeros(value)
        @staticmethod
        def static(x): return np.zeros(x)
        @classmethod
        def make(cls, n): return cls(n), np.zeros(n)

    @dataclasses.dataclass(frozen=True)
    class Data:
        n: int
        inner: typing.Any = None
        default: typing.Any = Kernel()
        def made(self): return np.zeros(self.n)
        def behind(self): return self.inner.made()

    @dataclasses.dataclass(slots=True)
    class Slotted:
        n: int
        kernel: typing.Any
        function: typing.Any = None
        def made(self): return self.kernel(self.n)
        def called(self): return self.function(self.n)

    class Kind(enum.Enum):
        ONE = 1
        def made(self): return np.zeros(self.value)

    class Pair(typing.NamedTuple):
        first: typing.Any
        second: typing.Any
        def made(self): return np.zeros(2), self.first.made()

    def relu(x): return np.zeros(x)

    class Layer:
        activation = None
        def __init__(self, activation, library): self.activation, self.library = activation, library
        def made(self): return self.activation(3), self.library.zeros(4), self.activation is relu
"""


@pytest.fixture
def classes(module):
    user = module(CLASSES)
    before = {id(cls): dict(vars(cls)) for cls in vars(user).values() if type(cls) is not type(user)
              and isinstance(cls, type)}  # fmt: skip
    yield user
    for cls in [value for value in vars(user).values() if isinstance(value, type)]:
        after = dict(vars(cls))
        assert after.keys() - {"__abstractmethods__"} == before[id(cls)].keys() - {"__abstractmethods__"}
        assert all(after[name] is value for name, value in before[id(cls)].items()), cls


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("Model(3).loss(2)", ("zeros", 2)),
        ("Model(3)(2)", ("zeros", 2)),
        ("Model(3) + 4", ("zeros", 4)),
        ("Model(3)[5]", ("zeros", 5)),
        ("len(Model(3))", 1),
        ("Model(3).inherited()", ("zeros", 3)),
        ("Model(3).abstract()", ("zeros", 3)),
        ("Model(3).overridden()", (("zeros", 3), "more")),
        ("Model(3).size", ("zeros", 3)),
        ("Model.static(3)", ("zeros", 3)),
        ("Model(1).static(3)", ("zeros", 3)),
        ("Model.make(3)[1]", ("zeros", 3)),
        ("Model.loss(Model(1), 2)", ("zeros", 2)),
        ("Model(1).kernel(2)", ("zeros", 2)),
        ("Model(1).xp.zeros(2)", ("zeros", 2)),
        ("Model.xp.zeros(2)", ("zeros", 2)),
        ("Model.create(2)", ("zeros", 2)),
        ("Data(2).made()", ("zeros", 2)),
        ("Data(2, Data(3)).behind()", ("zeros", 3)),
        ("Data(2).default(4)", ("zeros", 4)),
        ("Slotted(2, Kernel()).made()", ("zeros", 2)),
        ("Kind.ONE.made()", ("zeros", 1)),
        ("Pair(Data(1), 2).made()", (("zeros", 2), ("zeros", 1))),
    ],
)
def test_methods_of_objects_made_in_the_body(classes, body, expected):
    exec(f"def f(): return {body}", vars(classes))
    assert recorded(classes.f) == expected


@pytest.mark.parametrize(
    ("expression", "call", "expected"),
    [
        ("Model(3)", "model(2)", ("zeros", 2)),
        ("Model(3)", "model.kernel(2)", ("zeros", 2)),
        ("Model(3).loss", "model(2)", ("zeros", 2)),
        ("Model.static", "model(2)", ("zeros", 2)),
        ("Data(1, Data(2)).behind", "model()", ("zeros", 2)),
        ("Slotted(1, Kernel())", "model.made()", ("zeros", 1)),
        ("Slotted(1, None, relu)", "model.called()", ("zeros", 1)),
        ("[{'a': (Data(1), Kernel())}]", "model[0]['a'][1](2)", ("zeros", 2)),
        ("Layer(relu, np)", "model.made()", (("zeros", 3), ("zeros", 4), True)),
        ("Pair(Data(4), 1)", "model.made()", (("zeros", 2), ("zeros", 4))),
        ("Kind.ONE", "model.made()", ("zeros", 1)),
    ],
)
def test_objects_made_before(classes, expression, call, expected):
    exec(f"GLOBAL = {expression}\ndef f():\n    model = GLOBAL\n    return {call}", vars(classes))
    exec(f"def closure(model):\n    return lambda: {call}\nclosed = closure(GLOBAL)", vars(classes))
    exec(f"def g(model): return {call}", vars(classes))
    assert recorded(classes.f) == expected
    assert recorded(classes.closed) == expected
    with SUBSTITUTION.recording() as view:
        args, kwargs = view.see_arguments((), {"model": classes.GLOBAL})
        assert view.see(classes.g)(*args, **kwargs) == expected


def test_objects_as_the_recorded_function(classes):
    model = classes.Model(3)
    with SUBSTITUTION.recording() as view:
        assert view.see(model) is model
        assert model(2) == ("zeros", 2)
        assert view.see(model.loss)(2) == ("zeros", 2)
        assert view.see(classes.Model) is classes.Model
        assert view.see(classes.Model.make)(2)[1] == ("zeros", 2)
    assert model(2).shape == (2,)


def test_attributes_can_be_set_and_deleted_while_covered(classes):
    layer, model = classes.Layer(classes.relu, np), classes.Model(2)

    def f():
        model.size = 5
        layer.activation = math.exp
        seen = model.n, model.made, layer.activation(1)
        del layer.activation
        return *seen, layer.activation, hasattr(layer, "none")

    assert recorded(f) == (5, ("zeros", 5), ("exp", 1), None, False)
    assert "activation" not in vars(layer)
    assert model.size.shape == (5,)


def test_a_method_set_by_the_user_while_covered_stays(module):
    user = module("""
        import numpy as np
        class A:
            def m(self): return np.zeros(1)
            def n(self): return np.zeros(2)
    """)

    def f(a):
        a.__class__.m = lambda self: "new"
        return a.m(), a.n()

    with SUBSTITUTION.recording() as view:
        assert view.see(f)(view.see(user.A())) == ("new", ("zeros", 2))
    assert user.A().m() == "new"
    assert user.A().n().shape == (2,)


def test_classes_defined_in_the_body(module):
    user = module("""
        import numpy as np
        LIMIT = 4
        def f():
            class Local:
                made, limit = np.zeros(1), LIMIT
                def m(self): return np.zeros(2)
            return Local.made, Local().m(), Local.limit, Local.__module__
    """)
    assert recorded(user.f) == (("zeros", 1), ("zeros", 2), 4, user.__name__)


def test_classes_are_restored_after_errors(classes):
    def f():
        classes.Model(1).loss(2)
        raise KeyError("stop")

    with pytest.raises(KeyError):
        recorded(f)
    with pytest.raises(KeyboardInterrupt), SUBSTITUTION.recording() as view:
        view.see(classes.Model(1))
        raise KeyboardInterrupt
    assert classes.Model(1).loss(2).shape == (2,)


def test_cyclic_and_large_structures_end(classes):
    data = classes.Data(1, [])
    data.inner.extend([data, data.inner, *(classes.Data(i) for i in range(10_000))])
    start = time.perf_counter()
    assert recorded(data.made) == ("zeros", 1)
    assert time.perf_counter() - start < 0.1


def test_many_short_lived_objects(module):
    user = module("""
        import numpy as np
        class Vector:
            def __init__(self, x): self.x = x
            def __add__(self, other): return Vector(self.x + other.x)
            def made(self): return np.zeros(self.x)
        class Late:
            def made(self): return np.zeros(1)
        late = [Late()]
        def f():
            total = Vector(0)
            for _ in range(5000): total = total + Vector(1)
            return total.made(), late[0].made()
    """)
    start = time.perf_counter()
    assert recorded(user.f)[0] == ("zeros", 5000)
    assert time.perf_counter() - start < 1.0


# Who else is concerned ----------------------------------------------------------------------------


def test_other_threads_see_originals(classes):
    model, layer = classes.Model(3), classes.Layer(classes.relu, np)
    inside, finish, results = threading.Event(), threading.Event(), []

    def f():
        before = model.loss(2), layer.made()
        inside.set()
        finish.wait(10)
        return before, model.loss(2), classes.relu(1)

    thread = threading.Thread(target=lambda: results.append(recorded(f)))
    thread.start()
    assert inside.wait(10)
    try:
        assert model.loss(2).shape == model(2).shape == (2,)
        assert (model + 4).shape == (4,)
        assert model.size.shape == (3,)
        assert classes.Model.static(2).shape == (2,)
        assert layer.made()[0].shape == (3,)
        assert layer.activation is classes.relu
        assert classes.Layer.made.__globals__ is vars(classes)
        assert layer.library is classes.np is np
        assert classes.relu(2).shape == (2,)
        assert np.zeros is not zeros
        assert math.exp(0.0) == 1.0
    finally:
        finish.set()
        thread.join()
    layers = ("zeros", 3), ("zeros", 4), True
    assert results == [((("zeros", 2), layers), ("zeros", 2), ("zeros", 1))]


def test_recordings_in_two_threads_share_covers(classes):
    model = classes.Model(3)
    original = vars(classes.Model)["loss"]
    inside, finish, results = threading.Event(), threading.Event(), []

    def f():
        inside.set()
        finish.wait(10)
        return model.loss(2)

    thread = threading.Thread(target=lambda: results.append(recorded(f)))
    with SUBSTITUTION.recording() as view:
        view.see(model)
        thread.start()
        assert inside.wait(10)
        assert model.loss(1) == ("zeros", 1)
    assert model.loss(1).shape == (1,)
    assert vars(classes.Model)["loss"] is not original
    finish.set()
    thread.join()
    assert results == [("zeros", 2)]
    assert vars(classes.Model)["loss"] is original


def test_many_threads_at_once(classes):
    model = classes.Model(3)

    def f(n):
        return model.loss(n), model + n, model.size

    def run():
        for n in range(50):
            results.append(recorded(f, n) == (("zeros", n), ("zeros", n), ("zeros", 3)))
            results.append(f(n)[0].shape == (n,))

    results: list = []
    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 600


def test_numba_functions_compile_during_a_recording(module):
    user = module("""
        import numba, numpy as np, math
        def plain(n): return np.zeros(n)
        @numba.njit
        def helper(n): return np.zeros(n) + math.exp(0.0)
        @numba.njit
        def compiled(n): return helper(n).sum()
        @numba.vectorize
        def vectorized(x): return math.exp(x)
        def f(n): return compiled(n), plain(n), vectorized(0.0)
    """)
    dispatcher = user.compiled
    assert recorded(user.f, 3) == (3.0, ("zeros", 3), 1.0)
    assert user.compiled is dispatcher
    assert recorded(user.compiled, 4) == 4.0


def test_nested_recordings(classes):
    def inner(x):
        return np.zeros(x), classes.Model(1).loss(x)

    def f(x):
        first = recorded_inside(inner, x)
        return first, np.zeros(x), classes.Model(1).loss(x)

    def recorded_inside(g, *args):
        with SUBSTITUTION.recording() as view:
            return view.see(g)(*args)

    expected = ("zeros", 2), ("zeros", 2)
    assert recorded(f, 2) == (expected, *expected)
    with SUBSTITUTION.recording() as outer:
        with SUBSTITUTION.recording() as view:
            assert view is not outer
            view.see(classes.Model)
            assert classes.Model(1).loss(2) == ("zeros", 2)
        assert outer.see(inner)(2) == expected
    assert classes.Model(1).loss(2).shape == (2,)


def test_nested_recordings_share_globals(module):
    user = module("""
        X = 0
        def bump():
            global X
            X += 1
            return X
        def f(g): return bump(), g(), bump()
    """)

    def inside():
        with SUBSTITUTION.recording() as view:
            return view.see(user.bump)(), user.X

    assert recorded(user.f, inside) == (1, (2, 2), 3)
    assert user.X == 3


def test_what_escapes_acts_as_the_original(module):
    user = module("""
        import numpy as np
        kept = []
        class Box: pass
        def f():
            import math
            kept.extend([np, lambda: np.zeros(1), math, (np.zeros(i) for i in range(1, 2))])
            kept.append(lambda: kept[0].zeros(1))
            class Local:
                def m(self): return np.zeros(1)
            kept.append(Local().m)
        def g(): return kept[1](), kept[0].zeros(1)
    """)
    recorded(user.f)
    library, function, mathematics, generator, other, method = user.kept
    assert library.zeros is np.zeros
    assert mathematics.exp(0.0) == 1.0
    assert function().shape == next(generator).shape == other().shape == method().shape == (1,)
    assert recorded(user.g) == (("zeros", 1), ("zeros", 1))
    with SUBSTITUTION.recording() as view:
        copy = view.see(user.g)
        assert elsewhere(copy)[1].shape == (1,)


def test_tracebacks_show_the_users_lines(module):
    user = module("def g(x):\n    return 1 / x\n\ndef f(x):\n    return g(x)\n")
    with pytest.raises(ZeroDivisionError) as caught:
        recorded(user.f, 0)
    frames = traceback.extract_tb(caught.value.__traceback__)[-2:]
    assert [(frame.filename, frame.lineno, frame.line) for frame in frames] == [
        (user.__file__, 5, "return g(x)"),
        (user.__file__, 2, "return 1 / x"),
    ]


def test_nothing_is_kept_alive(classes):
    model = classes.Model(3)
    alive = weakref.ref(model)
    assert recorded(model.loss, 2) == ("zeros", 2)
    del model
    gc.collect()
    assert alive() is None


# What it costs ------------------------------------------------------------------------------------


def microseconds(f, count):
    def once():
        start = time.perf_counter()
        for _ in range(count):
            f()
        return (time.perf_counter() - start) / count * 1e6

    return min(once() for _ in range(5))


def test_costs():
    def one_line(x):
        return x

    def record():
        with SUBSTITUTION.recording() as view:
            view.see(one_line)

    with SUBSTITUTION.recording() as view:
        array = np.ones(3)
        assert microseconds(lambda: view.see(array), 10_000) < 1.0
    assert microseconds(record, 1_000) < 60.0
