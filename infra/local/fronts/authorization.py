"""Who may pass a front: whether a request carries credentials, never whether they are valid.

    iam    a signature: an AWS4-HMAC-SHA256 Authorization header, or a presigned query
    jwt    a token: three parts, "Bearer " optional; also for a REST API's Cognito authorizer
    oidc   a load balancer's session cookie; without it the browser goes to the identity provider

Not checked: the signature; the token's issuer, audience, scopes and time; the cookie's content. So
403 for a token that lacks a scope, and the two statements of a Function URL's policy, do not occur.
The event names no caller: `authorizer`, `identity` and x-amzn-oidc-* stay empty.

Source: docs/contract.md 2.3 and 6.5.1; [DOC] http-api-jwt-authorizer, listener-authenticate-users.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import quote

from infra.local.fronts.front import Failure, Front
from infra.local.fronts.request import Request, query_pairs
from infra.local.fronts.response import Response
from infra.local.fronts.visit import Visit

_SIGNED = "AWS4-HMAC-SHA256 "
_TOKEN = re.compile(r"(?:[Bb]earer +)?[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_SESSION_COOKIE = "AWSELBAuthSessionCookie-0="  # [DOC] the default name, in pieces of 4 KB


def refusal_of(front: Front, visit: Visit) -> Response | None:
    """Return the refusal of a request without credentials, or None to go on."""
    kind = visit.config.authorization
    is_open = visit.match is not None and visit.match.route.key in visit.config.open_routes
    if kind == "none" or is_open or _CARRIED[kind](visit.request):
        return None
    if kind == "oidc":
        return _to_identity_provider(visit)
    return front.failure(Failure.NOT_AUTHENTICATED if kind == "jwt" else Failure.NOT_SIGNED)


def _is_signed(request: Request) -> bool:
    if (request.header("authorization") or "").startswith(_SIGNED):
        return True
    return bool(dict(query_pairs(request.raw_query)).get("X-Amz-Signature"))


def _has_token(request: Request) -> bool:
    return _TOKEN.fullmatch(request.header("authorization") or "") is not None


def _has_session(request: Request) -> bool:
    cookies = ";".join(request.values("cookie")).split(";")
    return any(cookie.strip().startswith(_SESSION_COOKIE) for cookie in cookies)


_CARRIED: Mapping[str, Callable[[Request], bool]] = {
    "iam": _is_signed,
    "jwt": _has_token,
    "oidc": _has_session,
}


def _to_identity_provider(visit: Visit) -> Response:
    """Redirect as at the start of the authorization code flow; the balancer's state is opaque, ours
    a word.

    Authentication needs an HTTPS listener [DOC], hence the scheme. An empty body, and the order of
    the parameters, are assumed [?].
    """
    back = quote(f"https://{visit.request.domain}:443/oauth2/idpresponse", safe="")
    query = f"client_id=local&redirect_uri={back}&response_type=code&scope=openid&state=local"
    return Response(302, (("location", f"{visit.config.authorization_endpoint}?{query}"),))
