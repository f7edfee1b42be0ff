"""`python -m deploy.lightsail render` shows what would be asked for; `deploy` pushes, deploys and waits for health."""

import argparse
import json
import logging
import os
import sys

from deploy.lightsail import request
from deploy.lightsail.exceptions import DeploymentError
from deploy.lightsail.rollout import Patience, roll_out


def main() -> None:
    """Do what the command line says; the environment says the rest (docs/operations.md)."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    arguments = _parser().parse_args()
    try:
        service = request.Service.of(os.environ)
        if arguments.command == "render":
            settings = request.settings(
                os.environ, scale=service.scale, url=arguments.url, throwaway=arguments.throwaway
            )
            rendered = request.deployment(service, arguments.image, settings)
            shown = rendered if arguments.secrets else request.without_secrets(rendered)
            sys.stdout.write(json.dumps(shown, indent=2) + "\n")
        else:
            patience = Patience(pause_s=arguments.pause, page_s=arguments.page_wait)
            url = roll_out(service, arguments.image, os.environ, throwaway=arguments.throwaway, patience=patience)
            sys.stdout.write(f"{url}\n")
    except DeploymentError as error:
        sys.exit(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.lightsail", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    render = commands.add_parser("render", help="print the deployment as JSON for the AWS CLI")
    deploy = commands.add_parser("deploy", help="push the image, deploy it, and wait until the page answers")
    for command in (render, deploy):
        command.add_argument("--image", default="chatbot:latest", help="a local image, or :service.web.N pushed before")
        command.add_argument("--throwaway", action="store_true", help="allow SQLite, lost with each deployment")
    render.add_argument("--url", default="", help="the service's own address, where ORIGINS is not set")
    render.add_argument("--secrets", action="store_true", help="print keys and database addresses too")
    defaults = Patience()
    deploy.add_argument("--pause", type=float, default=defaults.pause_s, help="seconds between two looks")
    deploy.add_argument("--page-wait", type=float, default=defaults.page_s, help="seconds for the page to answer")
    return parser


if __name__ == "__main__":
    main()
