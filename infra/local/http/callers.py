"""Who may call a server on this machine: programs, and pages of its own; no other page.

Any web page can send requests to 127.0.0.1. Two checks stop it, since a browser cannot forge them:

- Host is an address, localhost, a name of AWS, or one that the settings allow. A page whose name
  was rebound to this machine sends its own name.
- Origin, where there is one, is of the same host, and Sec-Fetch-Site is not cross-site.

curl, boto3 and the AWS CLI send neither Origin nor Sec-Fetch-Site.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

ANY = "*"
_AWS = (".amazonaws.com", ".on.aws")
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Callers:
    """Who may call.

    Attributes:
        hosts: further names in Host; "*.example.com" is every name below it.
        origins: pages that may call, like "https://app.example.com"; "*" is every page.
    """

    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    def refusal(self, method: str, headers: Mapping[str, str]) -> str | None:
        """Return why a request is refused, or None; `headers` have names in lower case."""
        host = _name_of(headers.get("host", ""))
        if host and not self._is_ours(host):
            return "Host: expected an address, localhost, or a name in allowed_hosts"
        if ANY in self.origins:
            return None
        origin = headers.get("origin")
        if origin is not None:
            if origin in self.origins or _name_of(origin.partition("://")[2]) == host:
                return None
            return "Origin: expected this host's own, or one in allowed_origins"
        by_link = method == "GET" and headers.get("sec-fetch-mode") == "navigate"
        framed = headers.get("sec-fetch-dest", "document") != "document"
        if headers.get("sec-fetch-site") == "cross-site" and (framed or not by_link):
            return "Sec-Fetch-Site: expected a page of this host, or one in allowed_origins"
        return None

    def _is_ours(self, name: str) -> bool:
        if _is_loopback(name) is not None or name.endswith(_AWS) or name in self.hosts:
            return True
        return any(host.startswith("*.") and name.endswith(host[1:]) for host in self.hosts)


@lru_cache(maxsize=64)
def _is_loopback(name: str) -> bool | None:
    """Whether an address is the loopback's; None for a name. Kept, since every request asks."""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return None


def _name_of(authority: str) -> str:
    """Return the host of `host:port`, the loopback's names all as one."""
    name = authority.rpartition("]")[0][1:] if authority[:1] == "[" else authority.split(":")[0]
    name = name.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return _LOOPBACK
    return _LOOPBACK if _is_loopback(name) else name
