"""The one HTTP/1.1 host of the emulator's servers.

    message.py      a request's head and body, read strictly
    connection.py   a client's connection: requests in turn, limits, deadlines, refusals
    exchange.py     a connection's view of the request it reads
    asgi.py         an exchange with an ASGI application (the fronts, the Invoke API)
    server.py       the listener, and its end

The Runtime API's exchange is runtime/exchange.py.
"""
