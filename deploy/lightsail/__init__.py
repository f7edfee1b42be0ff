"""Brings the container to Amazon Lightsail: `python -m deploy.lightsail --help`. Needs the AWS CLI and Docker."""
