"""
The same image where it is not Lambda's: on Google Cloud Run, on Azure Container Apps.

    workload.py         what function.yaml means for a container that serves plain HTTP
    cloud_run.py        a service, as Google's Cloud Run takes it
    container_apps.py   a container app, as Microsoft's Container Apps takes it
    command.py          lambake manifest: print one of them
    *.yaml              samples, each printed by the command in its first line

Both were held against their makers' own schemas, and neither was tried on a real account. What no
schema covers is listed in cloud_run.py and container_apps.py.

Only plain HTTP goes there: queue, bucket, bus and bulk runs are AWS's. Of function.yaml count name,
memory_mb, timeout_s, concurrency, reserved_concurrency, provisioned_concurrency and environment;
the rest has no counterpart.
"""
