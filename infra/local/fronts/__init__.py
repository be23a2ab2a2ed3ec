"""
The HTTP services in front of Lambda, as pure functions: request -> event, result -> response.

    front.py          what a front is, and everything it may say by itself (Failure)
    visit.py          one request at a front: the request, the settings, the moment, the route
    request.py        one HTTP request as it came; time and ids, injected
    response.py       one HTTP response; what may not be in it
    routes.py         which route a request takes
    authorization.py  what is refused where a front asks for a signature, token or session
    cors.py           preflights and CORS headers, where the front answers for them
    payload_v1.py     what REST and HTTP API 1.0 events share; proxy_result.py: their results
    payload_v2.py     what HTTP API 2.0 and Function URL share
    http_api.py       API Gateway HTTP API, payload 2.0 and 1.0
    rest_api.py       API Gateway REST API
    alb.py            Application Load Balancer, single and multi-value headers
    function_url.py   Lambda Function URL

    LocalError
    └── ResultError         the function's result is no response by the front's rules
        └── Base64Error     the body is not the base64 it says it is

Their settings are infra.settings.front.FrontConfig, their limits in infra/local/contract.py.
"""
