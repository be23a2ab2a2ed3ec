"""The Invoke API, `/2015-03-31/functions/{name}/invocations`, which boto3 and the AWS CLI call."""
