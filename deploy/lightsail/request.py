"""What Lightsail is asked for, made from the environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deploy.lightsail.exceptions import Misconfigured

Request = dict[str, Any]

CONTAINER = LABEL = "web"  # of the container in a deployment, and of its images in the service's registry
PORT = 8000  # as the image has it
POWERS = ("nano", "micro", "small", "medium", "large", "xlarge")
MAX_SCALE = 20  # nodes
# botocore's pattern for ContainerServiceName, anchored as it is meant: "^a|b$" takes more than it says.
NAME = re.compile(r"([a-z0-9]{1,2}|[a-z0-9][a-z0-9-]{1,61}[a-z0-9])")
DOCUMENTED = Path(__file__).resolve().parents[2] / ".env.example"  # a test keeps it complete
KEYS = "GPTJ_API_KEY"  # and each name that goes on from it
# What the container has of its own; from a shell that starts the server here they would be wrong there.
OWN = {"HOST", "PORT", "DATA_DIR", "DEBUG", "TRUSTED_PROXY_COUNT"}
FIXED = {"TRUSTED_PROXY_COUNT": "1", "LOG_FORMAT": "json"}  # the service's load balancer is the proxy
SECRETS = re.compile("SECRET|KEY|TOKEN|DATABASE_URL|REDIS_URL")
MIN_SECRET = 50  # characters, as Django's own check asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A container service: `scale` nodes, each of `power`."""

    name: str
    power: str
    scale: int

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Service":
        """Read LIGHTSAIL_SERVICE, LIGHTSAIL_POWER and LIGHTSAIL_SCALE. Raises Misconfigured."""
        name = environment.get("LIGHTSAIL_SERVICE") or "chatbot"
        power = environment.get("LIGHTSAIL_POWER") or "nano"
        scale = environment.get("LIGHTSAIL_SCALE") or "1"
        if not NAME.fullmatch(name):
            raise Misconfigured("LIGHTSAIL_SERVICE: up to 63 lower-case letters, digits and hyphens, none at the ends.")
        if power not in POWERS:
            raise Misconfigured(f"LIGHTSAIL_POWER is one of {', '.join(POWERS)}.")
        if not scale.isdecimal() or not 1 <= int(scale) <= MAX_SCALE:
            raise Misconfigured(f"LIGHTSAIL_SCALE is a number from 1 to {MAX_SCALE}.")
        return cls(name=name, power=power, scale=int(scale))

    def request(self) -> Request:
        """Return the input of CreateContainerService, and of UpdateContainerService."""
        return {"serviceName": self.name, "power": self.power, "scale": self.scale}


def settings(environment: Mapping[str, str], *, scale: int, url: str, throwaway: bool) -> dict[str, str]:
    """Return the chat server's settings in the container: those of the environment that .env.example names.

    `url` is the service's own address, the page's origin unless ORIGINS names others. `throwaway` allows SQLite, which
    is lost with each deployment. Raises Misconfigured.
    """
    passed = set(re.findall(r"^# ([A-Z0-9_]+)=", DOCUMENTED.read_text(), re.MULTILINE)) - OWN
    given = {name: value for name, value in environment.items() if value and (name in passed or name.startswith(KEYS))}
    result = {**FIXED, "ORIGINS": url.rstrip("/"), **given}
    origins = [urlsplit(origin.strip()) for origin in result["ORIGINS"].split(",")]
    if any(origin.scheme != "https" or not origin.hostname or origin.path for origin in origins):
        raise Misconfigured("ORIGINS: Lightsail's endpoint speaks HTTPS; say https://chat.example.org, without a path.")
    result.setdefault("ALLOWED_HOSTS", ",".join(str(origin.hostname) for origin in origins))
    if len(result.get("SECRET_KEY", "")) < MIN_SECRET:
        raise Misconfigured(
            f"SECRET_KEY has at least {MIN_SECRET} characters, and stays the same: one made in the container is lost "
            "with it, and so are everyone's sessions. python -c 'import secrets; print(secrets.token_urlsafe(50))'"
        )
    if "DATABASE_URL" not in result and not (throwaway and scale == 1):
        raise Misconfigured(
            "DATABASE_URL is not set: what lives on a container's disk is lost with each deployment. Name a PostgreSQL "
            "database, or say --throwaway (on one node) to lose every conversation each time."
        )
    if scale > 1 and "REDIS_URL" not in result:
        raise Misconfigured("REDIS_URL is not set: more than one node share cache and channel layer through Redis.")
    return result


def deployment(service: Service, image: str, environment: Mapping[str, str]) -> Request:
    """Return the input of CreateContainerServiceDeployment: one container, and the endpoint that leads to it."""
    return {
        "serviceName": service.name,
        "containers": {
            CONTAINER: {"image": image, "environment": dict(environment), "ports": {str(PORT): "HTTP"}},
        },
        "publicEndpoint": {
            "containerName": CONTAINER,
            "containerPort": PORT,
            "healthCheck": {
                "path": "/healthz",
                "successCodes": "200",
                "intervalSeconds": 10,
                "timeoutSeconds": 5,
                "healthyThreshold": 2,
                "unhealthyThreshold": 3,
            },
        },
    }


def without_secrets(request: Request) -> Request:
    """Return a deployment's request for people to look at."""
    containers = {
        name: {
            **container,
            "environment": {
                key: "***" if SECRETS.search(key) else value for key, value in container["environment"].items()
            },
        }
        for name, container in request["containers"].items()
    }
    return {**request, "containers": containers}
