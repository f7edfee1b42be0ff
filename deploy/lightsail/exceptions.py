"""What can go wrong on the way to Lightsail.

DeploymentError
├── Misconfigured      the environment does not say what is needed, or says what Lightsail does not take
├── CommandFailed      the AWS CLI or Docker said no
└── NotHealthy         Lightsail did not bring the deployment up, or the page does not answer
"""


class DeploymentError(Exception):
    """The chat server was not brought to Lightsail; the text says why, for a person."""


class Misconfigured(DeploymentError):
    """The environment does not say what is needed, or says what Lightsail does not take."""


class CommandFailed(DeploymentError):
    """A command ended with an error; `said` is what it wrote about it."""

    def __init__(self, command: str, said: str) -> None:
        super().__init__(f"{command}: {said.strip()}")
        self.said = said


class NotHealthy(DeploymentError):
    """Lightsail did not bring the deployment up, or the page does not answer."""
