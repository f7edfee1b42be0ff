"""A stand-in for Lightsail on loopback: it takes what AWS's model takes, and brings deployments up, or not."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests_deploy.aws_model import faults, operation

TARGET = "Lightsail_20161128."
REGISTRY_PASSWORD = "the registry's password"
LAST_WORDS = "SECRET_KEY is not set"

Json = dict[str, Any]


class Lightsail:
    """What the stand-in knows: one account's services, and every call that it got."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Json]] = []
        self.services: dict[str, Json] = {}
        self.comes_up = True  # whether a deployment does
        self.url = ""
        self._images = 0

    @property
    def operations(self) -> list[str]:
        """The operations called, without the looking."""
        return [name for name, _ in self.calls if not name.startswith("GetContainerServices")]

    def input(self, name: str) -> Json:
        """Return what an operation was last called with."""
        return next(given for called, given in reversed(self.calls) if called == name)

    def answer(self, name: str, given: Json) -> Json:
        """Carry out an operation. Raises Refused."""
        self.calls.append((name, given))
        wrong = list(faults(operation(name).input_shape, given))
        if wrong:
            raise Refused("InvalidInputException", "; ".join(wrong))
        answer: Json = getattr(self, name)(**given)
        wrong = list(faults(operation(name).output_shape, answer))
        assert not wrong, wrong
        return answer

    def GetContainerServices(self, serviceName: str) -> Json:  # noqa: N802, N803 (AWS's names)
        """Return the service; each look moves it on by one state."""
        if serviceName not in self.services:
            raise Refused("NotFoundException", "no such service")
        service = self.services[serviceName]
        seen = json.loads(json.dumps(service))
        if service["state"] in {"PENDING", "UPDATING"}:
            service["state"] = "READY"
        elif service["state"] == "DEPLOYING":
            following = service.pop("nextDeployment")
            service["state"] = "RUNNING"
            if self.comes_up:
                service["currentDeployment"] = {**following, "state": "ACTIVE"}
            else:
                service["nextDeployment"] = {**following, "state": "FAILED"}
        return {"containerServices": [seen]}

    def CreateContainerService(self, serviceName: str, power: str, scale: int) -> Json:  # noqa: N802, N803
        """Make a service, which is PENDING at first."""
        service = {"containerServiceName": serviceName, "power": power, "scale": scale, "state": "PENDING"}
        self.services[serviceName] = {**service, "url": self.url}
        return {"containerService": self.services[serviceName]}

    def UpdateContainerService(self, serviceName: str, power: str, scale: int) -> Json:  # noqa: N802, N803
        """Give a service another size."""
        self.services[serviceName].update(power=power, scale=scale, state="UPDATING")
        return {"containerService": self.services[serviceName]}

    def CreateContainerServiceRegistryLogin(self) -> Json:  # noqa: N802
        """Return a login to the registry."""
        login = {"username": "AWS", "password": REGISTRY_PASSWORD, "registry": "1.dkr.ecr.eu-central-1.amazonaws.com"}
        return {"registryLogin": login}

    def RegisterContainerImage(self, serviceName: str, label: str, digest: str) -> Json:  # noqa: N802, N803
        """Give a pushed image its name."""
        self._images += 1
        return {"containerImage": {"image": f":{serviceName}.{label}.{self._images}", "digest": digest}}

    def CreateContainerServiceDeployment(  # noqa: N802
        self,
        serviceName: str,  # noqa: N803
        containers: Json,
        publicEndpoint: Json,  # noqa: N803
    ) -> Json:
        """Begin to deploy. Refuses what Lightsail's own documentation refuses, though its model does not."""
        service = self.services[serviceName]
        if service["state"] not in {"READY", "RUNNING"}:
            raise Refused("InvalidInputException", f"{serviceName} is {service['state']}")
        if publicEndpoint["containerName"] not in containers or len(containers) > 10:
            raise Refused("InvalidInputException", "the endpoint leads nowhere, or there are too many containers")
        before: Json = service.get("nextDeployment") or service.get("currentDeployment") or {"version": 0}
        service["nextDeployment"] = {"version": before["version"] + 1, "state": "ACTIVATING", "containers": containers}
        service["state"] = "DEPLOYING"
        return {"containerService": service}

    def GetContainerLog(self, serviceName: str, containerName: str) -> Json:  # noqa: N802, N803
        """Return the container's last words."""
        return {"logEvents": [{"createdAt": 0, "message": LAST_WORDS}]}


class Refused(Exception):
    """An error as AWS tells it: by its code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@contextmanager
def lightsail() -> Iterator[Lightsail]:
    """Serve the stand-in; the same address is that of the page, too."""
    state = Lightsail()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            given = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            try:
                self._reply(200, state.answer(self.headers["X-Amz-Target"].removeprefix(TARGET), given))
            except Refused as error:
                self._reply(400, {"__type": error.code, "message": str(error)})

        def do_GET(self) -> None:
            assert self.path == "/readyz"
            self._reply(200, {"database": "ok"})

        def _reply(self, status: int, body: Json) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
