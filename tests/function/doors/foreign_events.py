"""
Events of services that no door takes: of each, the keys that its own pages show.

The corpus has more of them in full (tests/events/foreign__*.json), and AWS's samples come from its
own tool (test_foreign.py).
"""

from __future__ import annotations

from typing import Any, Final

ARN: Final = "arn:aws:iam::123456789012:x"
AUTHORISER: Final = "API Gateway, for an authoriser"
APPSYNC_INFO: Final = {"fieldName": "getPost", "parentTypeName": "Query", "variables": {}}
APPSYNC: Final[dict[str, Any]] = {
    "arguments": {"id": "1"},
    "identity": None,
    "source": None,
    "request": {"headers": {}},
    "prev": None,
    "info": APPSYNC_INFO,
    "stash": {},
}
RECORD: Final = {"eventSource": "aws:sqs", "messageId": "1", "body": "{}"}
LAMBDA: Final = {"requestId": "1", "functionArn": ARN, "condition": "RetriesExhausted"}

FOREIGN: Final[list[tuple[str, Any]]] = [
    (AUTHORISER, {"type": "TOKEN", "authorizationToken": "a", "methodArn": ARN}),
    (AUTHORISER, {"version": "2.0", "type": "REQUEST", "routeArn": ARN, "requestContext": {}}),
    (AUTHORISER, {"type": "REQUEST", "methodArn": ARN, "requestContext": {"connectionId": "1"}}),
    ("API Gateway", {"requestContext": {"apiId": "1"}}),
    ("API Gateway, for a WebSocket", {"requestContext": {"connectionId": "1"}, "body": "{}"}),
    ("AppSync", APPSYNC),
    ("AppSync", {"arguments": {}, "identity": {}, "Info": APPSYNC_INFO, "prev": ""}),
    ("AppSync", {"typeName": "Query", "fieldName": "posts", "arguments": {}}),
    ("AppSync", {"info": {"operation": "PUBLISH"}, "events": [], "outErrors": [], "stash": {}}),
    ("AppSync", {"version": "2017-02-28", "operation": "Invoke", "payload": {}}),
    ("AppSync, in a bare list", [APPSYNC, APPSYNC]),
    ("AppSync, for an authoriser", {"authorizationToken": "a", "requestContext": {"apiId": "1"}}),
    ("Lambda, for a destination", {"requestContext": LAMBDA, "responseContext": {}}),
    (
        "Lambda, for a destination",
        {"requestContext": LAMBDA, "responseContext": {}, "DDBStreamBatchInfo": {}},
    ),
    ("SQS, in a bare list", [RECORD]),
    ("Kinesis, in a bare list", [{"eventSource": "aws:kinesis", "data": "e30="}]),
    ("SNS", {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "{}"}}]}),
    ("SNS", {"Records": [{"EventSource": "aws:sns", "Sns": None}]}),
    ("SES", {"Records": [{"eventSource": "aws:ses", "ses": {"mail": {}}}]}),
    ("DynamoDB", {"Records": [{"eventSource": "aws:dynamodb", "dynamodb": {}}]}),
    ("Kinesis", {"Records": [{"eventSource": "aws:kinesis", "kinesis": {}}], "window": {}}),
    ("Kinesis or DynamoDB", {"Records": [], "window": {}, "shardId": "1", "state": {}}),
    ("CodeCommit", {"Records": [{"eventSource": "aws:codecommit", "codecommit": {}}]}),
    ("CloudFront", {"Records": [{"cf": {"config": {}, "request": {}}}]}),
    ("another service", {"Records": [{"eventSource": "aws:new"}]}),
    ("another service", {"Records": [{"eventSource": ["aws:sqs"]}]}),
    ("MSK", {"eventSource": "aws:kafka", "eventSourceArn": ARN, "records": {}}),
    ("Kafka", {"eventSource": "SelfManagedKafka", "bootstrapServers": "", "records": {}}),
    ("MQ", {"eventSource": "aws:mq", "eventSourceArn": ARN, "messages": []}),
    ("MQ", {"eventSource": "aws:rmq", "eventSourceArn": ARN, "rmqMessagesByQueue": {}}),
    ("DocumentDB", {"eventSource": "aws:docdb", "eventSourceArn": ARN, "events": []}),
    ("Firehose", {"invocationId": "1", "deliveryStreamArn": ARN, "records": []}),
    ("Kinesis Data Analytics", {"invocationId": "1", "applicationArn": ARN, "records": []}),
    ("CloudWatch Logs", {"awslogs": {"data": "H4sI"}}),
    ("CloudWatch, for an alarm", {"source": "aws.cloudwatch", "alarmArn": ARN, "alarmData": {}}),
    ("CloudWatch, for an alarm", {"AlarmName": "a", "NewStateValue": "ALARM"}),
    ("CloudWatch, for a dashboard", {"original": "a", "widgetContext": {"widgetId": "1"}}),
    ("CodePipeline", {"CodePipeline.job": {"id": "1", "data": {}}}),
    ("CodeDeploy", {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "1"}),
    ("Config", {"invokingEvent": "{}", "ruleParameters": "{}", "version": "1.0"}),
    ("Cognito", {"version": "1", "triggerSource": "PreSignUp_SignUp", "request": {}}),
    ("Cognito Sync", {"eventType": "SyncTrigger", "datasetName": "a", "identityPoolId": "1"}),
    ("CloudFormation", {"RequestType": "Create", "ResponseURL": "a", "StackId": ARN}),
    ("CloudFormation", {"RequestType": "Delete", "ResourceProperties": {}}),
    ("SageMaker Ground Truth", {"version": "2018-10-16", "labelingJobArn": ARN, "dataObject": {}}),
    ("WorkMail", {"summaryVersion": "2018-10-10", "envelope": {}, "sender": {}}),
    ("S3 Batch Operations", {"invocationSchemaVersion": "2.0", "job": {}, "tasks": []}),
    ("S3 Object Lambda", {"getObjectContext": {}, "userRequest": {}, "userIdentity": {}}),
    ("Lex", {"messageVersion": "1.0", "sessionState": {"intent": {}}, "bot": {}}),
    ("Lex", {"messageVersion": "1.0", "currentIntent": {}, "bot": {}}),
    ("Alexa", {"version": "1.0", "session": {"new": True}, "request": {"type": "LaunchRequest"}}),
    ("Alexa Smart Home", {"directive": {"header": {}, "payload": {}}}),
    ("Alexa Smart Home", {"header": {"namespace": "Alexa"}, "payload": {}}),
    ("Secrets Manager", {"SecretId": ARN, "ClientRequestToken": "1", "Step": "createSecret"}),
    ("IoT, from a button", {"serialNumber": "1", "clickType": "SINGLE"}),
    ("IoT 1-Click", {"deviceEvent": {}, "deviceInfo": {}, "placementInfo": {}}),
    ("IoT, for an authoriser", {"token": "a", "protocolData": {}, "signatureVerified": True}),
    ("IoT, for an authoriser", {"token": "a", "tokenSignature": "b", "mqttContext": {}}),
    ("IoT, for provisioning", {"claimCertificateId": "1", "templateArn": ARN, "parameters": {}}),
    ("IoT, from its registry", {"eventType": "THING_EVENT", "operation": "CREATED"}),
    ("Bedrock", {"messageVersion": "1.0", "agent": {}, "inputText": "a", "sessionId": "1"}),
    ("Connect", {"Name": "ContactFlowEvent", "Details": {"ContactData": {}}}),
    ("Chime", {"SchemaVersion": "1.0", "InvocationEventType": "NEW_CALL", "CallDetails": {}}),
    ("Pinpoint", {"CampaignId": "1", "Endpoints": {}, "MessageConfiguration": {}}),
    ("Transfer Family", {"username": "a", "password": "b", "protocol": "SFTP", "serverId": "1"}),
    ("Client VPN", {"connection-id": "1", "endpoint-id": "1", "username": "a"}),
    ("VPC Lattice", {"raw_path": "/", "method": "GET", "headers": {}, "body": ""}),
    ("VPC Lattice", {"version": "2.0", "requestContext": {"serviceNetworkArn": ARN}}),
    ("Redshift", {"external_function": "f", "num_records": 1, "arguments": [[1]]}),
    ("Athena", {"@type": "PingRequest", "catalogName": "a"}),
    ("AppConfig", {"InvocationId": "1", "Application": {}, "Environment": {}}),
    ("Batch", {"jobName": "a", "jobQueue": "b", "jobDefinition": "c"}),
    ("Batch", {"jobId": "1"}),
    ("Step Functions, for an error", {"Error": "States.Timeout", "Cause": ""}),
]
"""A service by our name for it, and an event of its."""
