"""Predict every object below a prefix, by the state machine of infra/aws/bulk.asl.json.

watch.py          the progress of a run until it ends, then its outcome
addresses.py      s3://bucket/prefix
execution.py      the calls to Step Functions and S3, and the meaning of their refusals
progress.py       the progress, and the time left
result_files.py   the files of a run: which objects were answered, which failed and why
errors.py         the tree of errors
"""
