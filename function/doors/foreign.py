"""Which AWS service sent an event that no door takes, by the keys that its documentation shows."""

from __future__ import annotations

from typing import Any, Final

_BY_KEYS: Final[tuple[tuple[frozenset[str], str], ...]] = tuple(
    (frozenset(keys.split()), service)
    for keys, service in (
        ("methodArn", "API Gateway, for an authoriser"),
        ("routeArn", "API Gateway, for an authoriser"),
        ("authorizationToken", "AppSync, for an authoriser"),
        ("requestContext responseContext", "Lambda, for a destination"),
        ("awslogs", "CloudWatch Logs"),
        ("alarmData", "CloudWatch, for an alarm"),
        ("AlarmName NewStateValue", "CloudWatch, for an alarm"),
        ("widgetContext", "CloudWatch, for a dashboard"),
        ("CodePipeline.job", "CodePipeline"),
        ("DeploymentId LifecycleEventHookExecutionId", "CodeDeploy"),
        ("invokingEvent", "Config"),
        ("triggerSource", "Cognito"),
        ("datasetName", "Cognito Sync"),
        ("RequestType", "CloudFormation"),
        ("labelingJobArn", "SageMaker Ground Truth"),
        ("summaryVersion envelope", "WorkMail"),
        ("applicationArn records", "Kinesis Data Analytics"),
        ("window shardId", "Kinesis or DynamoDB"),
        ("invocationId records", "Firehose"),
        ("invocationSchemaVersion tasks", "S3 Batch Operations"),
        ("getObjectContext", "S3 Object Lambda"),
        ("sessionState", "Lex"),
        ("currentIntent", "Lex"),
        ("session request", "Alexa"),
        ("directive", "Alexa Smart Home"),
        ("header payload", "Alexa Smart Home"),
        ("SecretId ClientRequestToken", "Secrets Manager"),
        ("clickType", "IoT, from a button"),
        ("deviceEvent deviceInfo", "IoT 1-Click"),
        ("protocolData", "IoT, for an authoriser"),
        ("token tokenSignature", "IoT, for an authoriser"),
        ("claimCertificateId", "IoT, for provisioning"),
        ("eventType operation", "IoT, from its registry"),
        ("arguments identity", "AppSync"),
        ("events info outErrors", "AppSync"),
        ("operation payload", "AppSync"),
        ("typeName fieldName", "AppSync"),
        ("agent messageVersion", "Bedrock"),
        ("Name Details", "Connect"),
        ("InvocationEventType CallDetails", "Chime"),
        ("CampaignId Endpoints", "Pinpoint"),
        ("serverId protocol username", "Transfer Family"),
        ("connection-id endpoint-id", "Client VPN"),
        ("InvocationId Application Environment", "AppConfig"),
        ("raw_path method", "VPC Lattice"),
        ("external_function num_records", "Redshift"),
        ("@type", "Athena"),
        ("jobName jobQueue", "Batch"),
        ("jobId", "Batch"),
        ("Error Cause", "Step Functions, for an error"),
    )
)
"""Keys that together name a service; the first that are all there do. Source: its own pages."""

_BY_SENDER: Final = {
    "aws:codecommit": "CodeCommit",
    "aws:docdb": "DocumentDB",
    "aws:dynamodb": "DynamoDB",
    "aws:kafka": "MSK",
    "SelfManagedKafka": "Kafka",
    "aws:kinesis": "Kinesis",
    "aws:mq": "MQ",
    "aws:rmq": "MQ",
    "aws:s3": "S3",
    "aws:ses": "SES",
    "aws:sns": "SNS",
    "aws:sqs": "SQS",
}
"""What records, or the event itself, name as `eventSource`."""

_OF_REQUESTS: Final = (
    ("connectionId", "API Gateway, for a WebSocket"),
    ("serviceNetworkArn", "VPC Lattice"),
)


def service_of(event: Any) -> str | None:
    """Name the service that sent an event, in words of ours; none for what no service sends."""
    if isinstance(event, list):
        # A batch, as a pipe of EventBridge or AppSync hand over: no object around the records.
        named = service_of(event[0]) if event and isinstance(event[0], dict) else None
        return f"{named}, in a bare list" if named else None
    if not isinstance(event, dict):
        return None
    records = event.get("Records")
    if isinstance(records, list) and records and isinstance(records[0], dict):
        return _sender_of(records[0]) or ("CloudFront" if "cf" in records[0] else None)
    return _sender_of(event) or _service_by_keys(event)


def _sender_of(record: dict[str, Any]) -> str | None:
    sender = record.get("eventSource", record.get("EventSource"))
    named = _BY_SENDER.get(sender) if isinstance(sender, str) else None
    return named or ("another service" if sender else None)


def _service_by_keys(event: dict[str, Any]) -> str | None:
    for keys, service in _BY_KEYS:
        if event.keys() >= keys:
            return service
    if isinstance(event.get("requestContext"), dict):
        named = (name for key, name in _OF_REQUESTS if key in event["requestContext"])
        return next(named, "API Gateway")
    return None
