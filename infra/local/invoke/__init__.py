"""The Invoke API, `/2015-03-31/functions/{name}/invocations`: what boto3 and the AWS CLI ask."""
