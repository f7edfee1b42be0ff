"""A deployment from the service to its health: make the service, push, deploy, wait."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from deploy.lightsail import request
from deploy.lightsail.commands import lightsail, push
from deploy.lightsail.exceptions import CommandFailed, NotHealthy
from deploy.lightsail.request import Service

logger = logging.getLogger(__name__)

SETTLED = {"READY", "RUNNING"}  # states in which a service takes a deployment
ENDED = {"ACTIVE", "FAILED"}  # states that a deployment stays in
LOG_LINES = 30  # of a container that did not come up


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for Lightsail, and how often to ask; in seconds."""

    whole_s: float = 1_200  # Lightsail takes five minutes or so for the first deployment
    page_s: float = 180  # for the page to answer at its address
    pause_s: float = 5


def roll_out(
    service: Service, image: str, environment: Mapping[str, str], *, throwaway: bool, patience: Patience
) -> str:
    """Bring `image` to the service, making that where there is none; return the page's address.

    An image that begins with a colon is one that was pushed before. Raises DeploymentError.
    """
    state = _ensured(service, patience)
    # Before the push, which takes long: what is wrong with the settings.
    settings = request.settings(environment, scale=service.scale, url=state["url"], throwaway=throwaway)
    name = image if image.startswith(":") else push(image, service.name, request.LABEL)
    logger.info("Deploying %s to %s", name, service.name)
    answer = lightsail("create-container-service-deployment", **request.deployment(service, name, settings))
    _wait_for(service, answer["containerService"]["nextDeployment"]["version"], patience)
    _wait_for_page(f"{state['url'].rstrip('/')}/readyz", patience)
    return str(state["url"])


def _ensured(service: Service, patience: Patience) -> dict[str, Any]:
    """Make the service, or give it its size, and return it when it takes a deployment."""
    found = _find(service)
    if found is None:
        logger.info("Making the service %s (%s, %d nodes)", service.name, service.power, service.scale)
        lightsail("create-container-service", **service.request())
    elif (found["power"], found["scale"]) != (service.power, service.scale):
        logger.info("Resizing %s to %s, %d nodes", service.name, service.power, service.scale)
        lightsail("update-container-service", **service.request())
    return _until(lambda: _settled(service), patience, f"{service.name} does not become ready")


def _find(service: Service) -> dict[str, Any] | None:
    try:
        found: list[dict[str, Any]] = lightsail("get-container-services", serviceName=service.name)["containerServices"]
    except CommandFailed as error:
        if "NotFoundException" in error.said:
            return None
        raise
    return found[0] if found else None


def _settled(service: Service) -> dict[str, Any] | None:
    state = _find(service)
    return state if state and state["state"] in SETTLED else None


def _wait_for(service: Service, version: int, patience: Patience) -> None:
    """Wait until that deployment serves. Raises NotHealthy, with the container's last words."""

    def ended() -> dict[str, Any] | None:
        state = _find(service) or {}
        both = (state.get("currentDeployment"), state.get("nextDeployment"))
        return next((each for each in both if each and each["version"] == version and each["state"] in ENDED), None)

    found = _until(ended, patience, f"Deployment {version} of {service.name} does not come up")
    if found["state"] != "ACTIVE":
        raise NotHealthy(f"Deployment {version} of {service.name} failed.\n{_last_words(service)}")


def _last_words(service: Service) -> str:
    log = lightsail("get-container-log", serviceName=service.name, containerName=request.CONTAINER)
    return "\n".join(event["message"] for event in log.get("logEvents", [])[-LOG_LINES:])


def _wait_for_page(url: str, patience: Patience) -> None:
    def answered() -> dict[str, Any] | None:
        try:
            with urlopen(url, timeout=10) as answer:  # noqa: S310 (the service's own address)
                report: dict[str, Any] = json.load(answer)
                return report
        except (URLError, TimeoutError, ConnectionError, ValueError):
            return None

    report = _until(answered, Patience(whole_s=patience.page_s, pause_s=patience.pause_s), f"{url} does not answer")
    logger.info("%s: %s", url, report)


def _until(look: Callable[[], dict[str, Any] | None], patience: Patience, otherwise: str) -> dict[str, Any]:
    """Return what `look` finds, asked again and again. Raises NotHealthy."""
    end = time.monotonic() + patience.whole_s
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() + patience.pause_s > end:
            raise NotHealthy(f"{otherwise} within {patience.whole_s:.0f} s.")
        time.sleep(patience.pause_s)
