"""Reader of pickles as plain data: a stack machine over their opcodes, which imports and calls nothing.

Python's pickletools splits a file into opcodes (https://docs.python.org/3/library/pickletools.html). The names of
classes and functions that a file may hold are listed here; each stands for a plain value of ours.
"""

import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from serving.errors import AdoptError

MAX_BYTES = 48 * 1024**2  # three times a Tokenizer of as many words as these operations allow
# Of 350,000 words with all their counts. In memory an operation takes up to 70 bytes, a container 80.
MAX_OPERATIONS, MAX_CONTAINERS = 4_000_000, 1_000_000
MAX_INT_KEY = 2**31  # larger keys can be chosen so that they all fall into one slot of a dict's table

_TOKENIZER = re.compile(r"(?:tensorflow|tensorflow_core|keras|tf_keras|keras_preprocessing)(?:\.\w+)*\.text\.Tokenizer")
_TYPES = {f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("int", "long", "float", "object")}
_ARRAYS = {f"numpy.{core}.multiarray" for core in ("core", "_core")}


@dataclass(slots=True)
class PickledObject:
    """An instance, or a name, that was not imported.

    Attributes:
        name: of its class, dotted.
        arguments: that it was made with.
        state: its attributes as a dict, or what else its class keeps.
    """

    name: str
    arguments: tuple[Any, ...] = ()
    state: Any = None

    @property
    def is_tokenizer(self) -> bool:
        """Whether it is a Tokenizer of Keras."""
        return _TOKENIZER.fullmatch(self.name) is not None


def read_pickle(content: bytes, name: str) -> Any:
    """What a pickle holds: dicts, lists, tuples, strings, bytes, numbers, None and `PickledObject`.

    Args:
        content: the file's.
        name: the file's, for sentences.

    Raises:
        AdoptError: it is no pickle, is too large, or holds a name or an operation that is not accepted.
    """
    if len(content) > MAX_BYTES:
        raise AdoptError(f"{name}: has {len(content):,} bytes; accepted: a pickle of at most {MAX_BYTES:,}")
    machine = _Machine()
    try:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(content)):
            if number >= MAX_OPERATIONS or machine.containers >= MAX_CONTAINERS:
                raise AdoptError(f"has more than {MAX_OPERATIONS:,} operations or {MAX_CONTAINERS:,} containers")
            machine.step(opcode.name, argument)
        (value,) = machine.stack
    except AdoptError as error:
        raise AdoptError(f"{name}: {error}; accepted: a pickled Keras Tokenizer, or a dict of words and ids") from None
    # What bytes that no pickler wrote end in.
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise AdoptError(f"{name}: is no pickle, or is broken off; accepted: the file that pickle wrote") from error
    return value


@dataclass(slots=True)
class _Machine:
    """The stack above the last mark, the stacks below it, and what was memoized."""

    stack: list[Any] = field(default_factory=list)
    lower_stacks: list[list[Any]] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    containers: int = 0

    def step(self, opcode: str, argument: Any) -> None:
        if opcode in _PUSHES_ARGUMENT:
            self.stack.append(argument)
        elif opcode in _CONSTANTS:
            self.stack.append(_CONSTANTS[opcode])
        elif opcode in _OPERATIONS:
            _OPERATIONS[opcode](self, argument)
        elif opcode not in _PASSED_OVER:
            raise AdoptError(f"holds the operation {opcode}")

    def push_container(self, container: Any) -> None:
        self.containers += 1
        self.stack.append(container)

    def mark(self, _: Any) -> None:
        self.containers += 1
        self.lower_stacks.append(self.stack)
        self.stack = []

    def pop_marked(self) -> list[Any]:
        items, self.stack = self.stack, self.lower_stacks.pop()
        return items

    def pop(self, count: int) -> list[Any]:
        items = self.stack[-count:]
        if len(items) < count:
            raise ValueError("the stack has too few items")
        del self.stack[-count:]
        return items

    def memoize(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def append(self, items: list[Any]) -> None:
        _list(self.stack[-1]).extend(items)

    def set_items(self, items: list[Any]) -> None:
        _fill(self.stack[-1], zip(items[::2], items[1::2], strict=True))

    def make_dict(self, _: Any) -> None:
        items = self.pop_marked()
        self.push_container(_fill({}, zip(items[::2], items[1::2], strict=True)))

    def push_name(self, name: str) -> None:
        if name not in _CALLS and name not in _TYPES and not _TOKENIZER.fullmatch(name) and name != "numpy.ndarray":
            raise AdoptError(f"holds the name {name[:100]!r}, which is never imported")
        self.stack.append(PickledObject(name))

    def call(self, _: Any) -> None:
        function, arguments = self.pop(2)
        self.push_container(_CALLS[function.name](*arguments))

    def instantiate(self, _: Any) -> None:
        cls, arguments = self.pop(2)
        self.push_container(PickledObject(cls.name, arguments))

    def build(self, _: Any) -> None:
        (state,) = self.pop(1)
        self.stack[-1].state = state


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise TypeError("no list")
    return value


def _fill(target: Any, pairs: Any) -> dict[str | int, Any]:
    if type(target) is not dict:
        raise TypeError("no dict")
    for key, value in pairs:
        # A tuple, which may be nested endlessly, would be hashed to its depth.
        if type(key) is not str and not (type(key) is int and abs(key) < MAX_INT_KEY):
            raise AdoptError(f"holds a dict with a key of type {type(key).__name__}")
        target[key] = value
    return target


def _scalar(dtype: PickledObject, content: bytes) -> int:
    kind = str(dtype.arguments[0])
    if kind[:1] not in ("i", "u") or type(content) is not bytes or len(content) > 8:
        raise AdoptError("holds a number of NumPy that is no integer")
    return int.from_bytes(content, "little", signed=kind[0] == "i")


def _encoded(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise AdoptError("holds bytes in another encoding than latin1")
    return text.encode("latin-1")


_CALLS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": lambda pairs=(): _fill({}, pairs),
    "collections.defaultdict": lambda _=None: {},
    "numpy.dtype": lambda *arguments: PickledObject("numpy.dtype", arguments),
    "_codecs.encode": _encoded,
    **{f"{module}._reconstructor": lambda cls, *_: PickledObject(cls.name) for module in ("copyreg", "copy_reg")},
    **{f"{module}._reconstruct": lambda cls, *_: PickledObject(cls.name) for module in _ARRAYS},
    **{f"{module}.scalar": _scalar for module in _ARRAYS},
}

_PASSED_OVER = {"PROTO", "FRAME", "STOP"}
_PUSHES_ARGUMENT = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
}  # fmt: skip
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_OPERATIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "EMPTY_DICT": lambda machine, _: machine.push_container({}),
    "EMPTY_LIST": lambda machine, _: machine.push_container([]),
    "DICT": _Machine.make_dict,
    "LIST": lambda machine, _: machine.push_container(machine.pop_marked()),
    "TUPLE": lambda machine, _: machine.push_container(tuple(machine.pop_marked())),
    "TUPLE1": lambda machine, _: machine.push_container(tuple(machine.pop(1))),
    "TUPLE2": lambda machine, _: machine.push_container(tuple(machine.pop(2))),
    "TUPLE3": lambda machine, _: machine.push_container(tuple(machine.pop(3))),
    "APPEND": lambda machine, _: machine.append(machine.pop(1)),
    "APPENDS": lambda machine, _: machine.append(machine.pop_marked()),
    "SETITEM": lambda machine, _: machine.set_items(machine.pop(2)),
    "SETITEMS": lambda machine, _: machine.set_items(machine.pop_marked()),
    "PUT": _Machine.memoize,
    "BINPUT": _Machine.memoize,
    "LONG_BINPUT": _Machine.memoize,
    "MEMOIZE": lambda machine, _: machine.memoize(len(machine.memo)),
    "GET": lambda machine, index: machine.stack.append(machine.memo[index]),
    "BINGET": lambda machine, index: machine.stack.append(machine.memo[index]),
    "LONG_BINGET": lambda machine, index: machine.stack.append(machine.memo[index]),
    "GLOBAL": lambda machine, name: machine.push_name(name.replace(" ", ".")),
    "STACK_GLOBAL": lambda machine, _: machine.push_name(".".join(machine.pop(2))),
    "REDUCE": _Machine.call,
    "NEWOBJ": _Machine.instantiate,
    "BUILD": _Machine.build,
}
