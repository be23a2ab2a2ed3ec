#!/bin/sh
# The image's entry point: plain HTTP where it is asked for, else whatever the base image does.
#
#   serve                 plain HTTP, on $PORT or 5000
#   PORT=8080 (not on Lambda, which sets AWS_LAMBDA_RUNTIME_API): the same; Cloud Run asks so
#   function.entry.handler    the Runtime API on Lambda, the Runtime Interface Emulator elsewhere
if [ "$1" = serve ] || { [ -n "$PORT" ] && [ -z "$AWS_LAMBDA_RUNTIME_API" ]; }; then
    exec python -m function.serve
fi
exec /lambda-entrypoint.sh "$@"
