"""
Predict every object below a prefix, by the state machine of infra/aws/bulk.asl.json.

    watch.py          how far a run is until it ends, then what became of the objects
    addresses.py      s3://bucket/prefix
    execution.py      the calls to Step Functions and S3, and what their refusals mean
    progress.py       how far it is, and how long it will take
    result_files.py   what the run has written: which objects were answered, which failed and why
    errors.py         the tree of errors
"""
