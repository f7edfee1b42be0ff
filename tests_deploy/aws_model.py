"""AWS's own model of Lightsail, as the AWS CLI carries it.

The CLI checks types by it; this checks enums, patterns and bounds too.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from awscli.botocore.session import get_session

KINDS: dict[str, type | tuple[type, ...]] = {"string": str, "integer": int, "boolean": bool, "timestamp": (int, float)}
# What the model says in words only (ContainerServiceHealthCheckConfig).
DOCUMENTED = {"intervalSeconds": range(5, 301), "timeoutSeconds": range(2, 61)}


@cache
def model() -> Any:
    """Return the model of Lightsail."""
    return get_session().get_service_model("lightsail")


def operation(name: str) -> Any:
    """Return an operation, named as on the wire: CreateContainerService."""
    return model().operation_model(name)


def faults(shape: Any, value: Any, at: str = "") -> Iterator[str]:
    """Tell each way in which a value does not fit a shape (None: nothing fits); nothing if it fits."""
    match shape.type_name if shape else None:
        case None:
            if value:
                yield f"{at}: nothing is taken"
        case "structure":
            yield from _structure(shape, value, at)
        case "map":
            for key, each in value.items():
                yield from faults(shape.key, key, f"{at} key")
                yield from faults(shape.value, each, f"{at}.{key}")
        case "list":
            for number, each in enumerate(value):
                yield from faults(shape.member, each, f"{at}[{number}]")
        case kind:
            yield from _plain(shape, kind, value, at)


def _structure(shape: Any, value: Any, at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: not an object"
        return
    yield from (f"{at}.{name}: missing" for name in shape.required_members if name not in value)
    for name, each in value.items():
        if name not in shape.members:
            yield f"{at}.{name}: unknown"
        elif each is not None:
            yield from faults(shape.members[name], each, f"{at}.{name}")
        if name in DOCUMENTED and each not in DOCUMENTED[name]:
            yield f"{at}.{name}: {each} is outside {DOCUMENTED[name]}"


def _plain(shape: Any, kind: str, value: Any, at: str) -> Iterator[str]:
    if not isinstance(value, KINDS[kind]) or (kind == "integer" and isinstance(value, bool)):
        yield f"{at}: {value!r} is no {kind}"
        return
    if kind == "string" and shape.enum and value not in shape.enum:
        yield f"{at}: {value!r} is none of {shape.enum}"
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(pattern, str(value)):
        yield f"{at}: {value!r} does not match {pattern}"
    size = len(value) if isinstance(value, str) else value
    if not shape.metadata.get("min", size) <= size <= shape.metadata.get("max", size):
        yield f"{at}: {value!r} is too short, too long, too small or too large"
