"""Feed both decoders with bytes until something else than an item or a `ValueError` comes out. Run by hand.

    python -m tests.codecs.fuzz [-max_total_time=60 …]

With atheris (``pip install atheris``; it is no dependency) the search is guided by coverage and the arguments are those
of libFuzzer. Without it, valid payloads are changed at random, for a minute, or as long as ``-max_total_time`` says.
"""

from __future__ import annotations

import random
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from sessions.codecs.json import JSONCodec

from .plus_values import codec, identical

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

SEEDS: Final = [
    b'{"role":"user","content":[{"type":"input_text","text":"~ hello"}],"n":[1,-2.5e3,true,null]}',
    b'{"a":{"~datetime":{"at":"2026-10-25T02:30:00","zone":"Europe/Berlin","fold":1}},"b":{"~time":"01:02:03.000004+01:00"}}',
    b'{"a":[{"~date":"2026-01-01"},{"~timedelta":[-1,2,3]},{"~decimal":"-sNaN7"},{"~decimal":"1E+9"}]}',
    b'{"a":[{"~uuid":"00000000-0000-0000-0000-000000000001"},{"~bytes":"YQ=="},{"~bytearray":"//4A"}]}',
    b'{"a":{"~set":["a",{"~tuple":[1,{"~frozenset":[2]}]},{"~decimal":"NaN"}]},"b":{"~~set":1}}',
    b'{"a":[{"~path":"/a"},{"~Colour":"RED"},{"~Permission":["READ"]}]}',
    b'{"a":{"~Plain":{"value":{"~Point":{"x":1,"y":2}},"more":[]}},"b":{"~Frozen":{"value":1,"late":0}}}',
    b'{"a":{"~Model":[{"value":1,"colour":{"~Colour":"RED"},"inner":null,"secret":null},["inner","secret"]]}}',
    b'{"a":{"~Root":{"root":1}},"b":{"~DiskError":{"args":[5,"x","f",null,"g"],"notes":["n"],"attributes":{"c":1}}}}',
    b'{"a":{"~UnicodeDecodeError":{"args":["utf-8",{"~bytes":"/w=="},0,1,"why"]}}}',
]
_PARTS: Final = [part for seed in SEEDS for part in seed.replace(b"{", b"\0{").replace(b":", b":\0").split(b"\0")]


def check(payload: bytes) -> None:
    """Raise if bytes are neither an item that survives being written, nor a `ValueError`."""
    for decode in (JSONCodec().decode, codec.decode):
        try:
            item: Any = decode(payload)
        except ValueError:
            continue
        assert type(item) is dict
    try:
        item = codec.decode(payload)
        [again] = codec.encode_all([item])
    except ValueError:
        return  # It is no item, or has NaN, which the reader takes from others and the writer does not make.
    assert identical(codec.decode(again), item)


def mutate(payload: bytes, chance: random.Random) -> bytes:
    """Return a payload with a few bytes, or parts of other payloads, in the place of its own."""
    for _ in range(chance.randint(1, 4)):
        at, length = chance.randrange(len(payload) + 1), chance.choice([0, 0, 1, 1, 4, 20])
        part = chance.choice([chance.choice(_PARTS), chance.choice(_PARTS), chance.randbytes(chance.randint(0, 3))])
        payload = payload[:at] + part + payload[at + length :]
    return payload


def _search(seconds: float) -> None:
    seed = time.time_ns()
    chance = random.Random(seed)  # noqa: S311 - nothing is secret here
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        payload = mutate(chance.choice(SEEDS), chance)
        try:
            check(payload)
        except BaseException:
            sys.stderr.write(f"{payload!r}\n")
            raise
        count += 1
    sys.stdout.write(f"{count} payloads, nothing found (seed {seed})\n")


def main() -> None:
    """Search with atheris if it is there."""
    try:
        atheris = import_module("atheris")
    except ImportError:
        times = [argument.partition("=")[2] for argument in sys.argv if argument.startswith("-max_total_time=")]
        _search(float(times[0]) if times else 60)
        return
    for name in ("tags", "tagged_values", "tagged_errors", "tagged_classes", "plus", "json"):
        for function in _functions(import_module(f"sessions.codecs.{name}")):
            atheris.instrument_func(function)
    atheris.Setup(sys.argv, check, custom_mutator=_mutator)
    atheris.Fuzz()


def _mutator(payload: bytes, longest: int, seed: int) -> bytes:
    """Mutate for libFuzzer, which would hardly find JSON by itself."""
    chance = random.Random(seed)  # noqa: S311 - nothing is secret here
    return mutate(payload if chance.random() < 0.9 and len(payload) > 1 else chance.choice(SEEDS), chance)[:longest]


def _functions(module: ModuleType) -> Iterator[Any]:
    """Yield a module's own functions and methods."""
    for value in vars(module).values():
        if getattr(value, "__module__", None) == module.__name__:
            for function in [value, *vars(value).values()] if isinstance(value, type) else [value]:
                if hasattr(function, "__code__"):
                    yield function


if __name__ == "__main__":
    main()
