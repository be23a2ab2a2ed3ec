"""The HTTP services in front of Lambda, as pure functions: request -> event, result -> response.

    front.py          a front as a table of functions, and its own answers (Failure)
    visit.py          one request at a front: the request, settings, moment and route
    request.py        one HTTP request as received; time and ids, injected
    response.py       one HTTP response, and what it may not contain
    routes.py         which route a request takes
    authorization.py  what is refused if a front asks for a signature, token or session
    cors.py           preflights and CORS headers, if the front answers for them
    payload_v1.py     what REST and HTTP API 1.0 events share; proxy_result.py: their results
    payload_v2.py     what HTTP API 2.0 and Function URL share
    http_api.py       API Gateway HTTP API, payload 2.0 and 1.0
    rest_api.py       API Gateway REST API
    alb.py            Application Load Balancer, single and multi-value headers
    function_url.py   Lambda Function URL

    LocalError
    └── ResultError         the function's result is not a response by the front's rules
        └── Base64Error     the body is not the base64 that it claims to be

Their settings are in infra.settings.front.FrontConfig, their limits in infra/local/contract.py.
"""
