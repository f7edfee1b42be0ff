"""The AWS CLI and Docker, as commands. What is secret goes by file or standard input, never as an argument."""

import json
import os
import re
import secrets
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from deploy.lightsail.exceptions import CommandFailed

DIGEST = re.compile(r"digest: (sha256:[0-9a-f]{64})")


def lightsail(operation: str, **request: Any) -> dict[str, Any]:
    """Call an operation of Lightsail, named as on the command line, and return its answer. Raises CommandFailed."""
    with TemporaryDirectory(prefix="lightsail-") as folder:  # mode 0700
        file = Path(folder) / "request.json"
        file.write_text(json.dumps(request))
        command = [os.environ.get("AWS", "aws"), "lightsail", operation, "--cli-input-json", file.as_uri()]
        answer: dict[str, Any] = json.loads(_run([*command, "--output", "json"]) or "{}")
        return answer


def push(image: str, service: str, label: str) -> str:
    """Push a local image to the service's registry; return its name in deployments. Raises CommandFailed."""
    login = lightsail("create-container-service-registry-login")["registryLogin"]
    registry = login["registry"]
    # One repository for all services of an account, any tag that is new (aws/lightsailctl, internal/cs/pushimage.go).
    target = f"{registry}/sr:{time.time_ns()}-{secrets.token_hex(4)}"
    docker = os.environ.get("DOCKER", "docker")
    _run([docker, "login", "--username", login["username"], "--password-stdin", registry], said=login["password"])
    try:
        _run([docker, "tag", image, target])
        pushed = DIGEST.search(_run([docker, "push", target]))
        _run([docker, "rmi", target])
    finally:
        _run([docker, "logout", registry])
    if pushed is None:
        raise CommandFailed(f"{docker} push", "it did not say the image's digest")
    registered = lightsail("register-container-image", serviceName=service, label=label, digest=pushed[1])
    return str(registered["containerImage"]["image"])


def _run(command: list[str], *, said: str = "") -> str:
    """Return what a command wrote. Raises CommandFailed, with what it wrote about its failure."""
    name = " ".join(command[:3])
    try:
        done = subprocess.run(  # noqa: S603 (fixed words)
            command, input=said, capture_output=True, text=True, check=True, env={**os.environ, "AWS_PAGER": ""}
        )
    except FileNotFoundError as error:
        raise CommandFailed(name, "not installed") from error
    except subprocess.CalledProcessError as error:
        raise CommandFailed(name, error.stderr or error.stdout) from error
    return done.stdout
