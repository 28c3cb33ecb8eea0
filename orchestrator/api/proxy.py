"""People who were logged in by a proxy in front of us; its headers count only when it is the one who calls."""

import re
from ipaddress import ip_address

from starlette.datastructures import Headers

from orchestrator.api.roles import Principal
from orchestrator.settings import NAME, ProxySettings


def is_proxy(peer: str, settings: ProxySettings) -> bool:
    """Whether the address that the connection comes from is a listed proxy's."""
    try:
        address = ip_address(peer)
    except ValueError:  # a Unix socket, or a test without a client
        return False
    return any(address in network for network in settings.addresses)


def person(peer: str, headers: Headers, settings: ProxySettings) -> Principal | None:
    """Return whom the proxy has logged in; None without a proxy, or for a name that cannot stand in a journal."""
    if not is_proxy(peer, settings):
        return None
    names = headers.getlist(settings.user_header)
    # Two headers of that name mean that the proxy adds its own to the client's instead of replacing it.
    if len(names) != 1 or not re.match(NAME, names[0]):
        return None
    groups = [g.strip() for line in headers.getlist(settings.groups_header) for g in line.split(",")]
    grants = tuple(grant for group in groups for grant in settings.groups.get(group, ()))
    return Principal(names[0], "proxy", grants)


def source_address(peer: str, headers: Headers, settings: ProxySettings) -> str:
    """Return where the request comes from: the last address that a listed proxy has seen, else the connection's."""
    if not is_proxy(peer, settings):
        return peer
    last = headers.get("X-Forwarded-For", "").rsplit(",", 1)[-1].strip()
    try:
        return str(ip_address(last))
    except ValueError:
        return peer
