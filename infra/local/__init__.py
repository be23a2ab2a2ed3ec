"""The emulator: AWS Lambda on a laptop, speaking the service's own protocols.

    server.LocalLambda          starts and stops everything below
      fronts/, gateway.py       HTTP fronts: request -> event, result -> response
      invoke/api.py             the API that boto3 calls: POST
      /2015-03-31/functions/NAME/invocations
      broker.py                 gives each invocation an environment; no HTTP, no processes
      environment.py            one environment's life: init, invoke, freeze, reset
      runtime/api.py            the API that the runtime calls: GET
      /2018-06-01/runtime/invocation/next
      sandbox/                  the child process: start, drain, freeze, measure, kill

Everything runs on one event loop in one thread, so nothing here needs a lock.
"""
