"""Which addresses a model may have: http and https, never link-local, where clouds keep their machines' keys."""

import ipaddress
import socket
from urllib.parse import urlsplit

from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver

from gptj.exceptions import Misconfigured

# Amazon's IPv6 address for a machine's own credentials is unique-local, not link-local.
_REFUSED = (
    ipaddress.ip_network("169.254.0.0/16"),
    ipaddress.ip_network("fe80::/10"),
    ipaddress.ip_network("fd00:ec2::/32"),
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: IPv4 in the last 32 bits


class AddressRefused(OSError):
    """A name leads to an address that may not be called."""


def refused(address: str) -> bool:
    """Whether this IP address may not be called. A name is no IP address."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip.sixtofour or _behind_nat64(ip) or ip
    return any(ip.version == network.version and ip in network for network in _REFUSED)


def _behind_nat64(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None


def require(url: str) -> None:
    """Raise Misconfigured unless `url` may be called, as far as it shows."""
    parts = urlsplit(url)
    try:
        host, _port = parts.hostname, parts.port
    except ValueError:
        host = None
    if parts.scheme not in {"http", "https"} or not host:
        raise Misconfigured("Its address is not of the form http://host:port/path or https://...", check_id="gptj.E003")
    if refused(host):
        raise Misconfigured(
            "Its address is link-local, which is refused.",
            hint="Give the server another address.",
            check_id="gptj.E003",
        )


class Resolver(ThreadedResolver):
    """Resolves names, but not to an address that is refused."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of `host`. Raises AddressRefused."""
        found = await super().resolve(host, port, family)
        if any(refused(entry["host"]) for entry in found):
            raise AddressRefused("link-local")
        return found
