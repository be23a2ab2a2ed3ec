"""A stage that really stands in a simulated cloud: applied, looked at, invoked, planned again,
gone.

The apply takes a minute, nearly all of it the provider waiting until queues and buckets tell the
same several times in a row; what needs no stack is tested meanwhile.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra.cloud.cloud import Cloud, cloud
from infra.settings import FUNCTION_FILE, read
from tests import ROOT
from tests.infra.aws.plan import Plan
from tests.infra.aws.planted import RULES
from tests.infra.aws.rules import PAGE, calls_are_authorised
from tests.infra.aws.terraform import DIGEST, Terraform, attached
from tests.infra.cloud.clouds import REGION, Client, client_of, told, until

NAME = "lambake-dev"
NEWER = f"sha256:{'b' * 64}"
ACCOUNT = "123456789012"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{NAME}"


@pytest.fixture(scope="module")
def box() -> Iterator[Cloud]:
    """The cloud: its function runs the real handler."""
    config = read(ROOT / FUNCTION_FILE)
    with cloud(config, port=0) as made:
        yield made


@pytest.fixture(scope="module")
def client(box: Cloud) -> Iterator[Client]:
    """Make boto3 clients of the cloud."""
    made: dict[str, Any] = {}

    def make(service: str) -> Any:
        return made.setdefault(service, client_of(service, box.url))

    yield make
    for one in made.values():
        one.close()


@pytest.fixture(scope="module")
def terraform(
    program: str, box: Cloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Terraform]:
    """Describe the stage, its state in a file."""
    with attached(Terraform(program, tmp_path_factory.mktemp("dev"), cloud=box.url)) as made:
        yield made


@pytest.fixture(scope="module")
def planner(
    program: str, box: Cloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Terraform]:
    """Describe stages that never stand."""
    with attached(Terraform(program, tmp_path_factory.mktemp("planned"), cloud=box.url)) as made:
        yield made


@pytest.fixture(scope="module", autouse=True)
def applying(terraform: Terraform) -> Iterator[subprocess.Popen[bytes]]:
    """Begin to apply before the first test."""
    command = terraform.command("apply", "-auto-approve", "-no-color", *terraform.variables())
    with (terraform.folder / "apply.txt").open("wb") as said:
        process = subprocess.Popen(
            command, env=terraform.environment, stdout=said, stderr=subprocess.STDOUT
        )
        yield process
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def stack(applying: subprocess.Popen[bytes], terraform: Terraform) -> dict[str, Any]:
    """Wait until the stage stands, and give its outputs."""
    status = applying.wait(timeout=280)
    assert status == 0, (terraform.folder / "apply.txt").read_text()
    outputs = json.loads(terraform.run("output", "-json"))
    return {name: output["value"] for name, output in outputs.items()}


def test_format(terraform: Terraform) -> None:
    """The files are formatted as Terraform formats them."""
    assert terraform.run("fmt", "-check", "-recursive", "-diff") == ""


def test_other_choices(planner: Terraform) -> None:
    """Another stage with tokens and a domain keeps every rule, and takes no name of this one."""
    function = planner.function(
        "prod.yaml",
        api={
            "auth": "jwt",
            "jwt": {
                "issuer": "https://issuer.example",
                "audience": ["lambake"],
                "scopes": ["predict"],
            },
            "open_page": True,
            "domain": {
                "name": "ml.example.com",
                "certificate_arn": f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/1",
            },
        },
        top={"provisioned_concurrency": 2},
        kms_key=KEY,
    )
    planned, _ = planner.plan(stage="prod", function_file=function)
    plan = Plan.from_json(planned)
    assert [rule.__name__ for rule in RULES if rule(plan)] == []
    routes = {
        one.values["route_key"]: one.values["authorization_type"]
        for one in plan.all("apigatewayv2_route")
    }
    assert routes == {"$default": "JWT", **dict.fromkeys(PAGE, "NONE")}
    scopes = [one.values["authorization_scopes"] for one in plan.all("apigatewayv2_route")]
    assert sorted(scopes, key=str) == [None, None, ["predict"]]
    (domain,) = plan.all("apigatewayv2_domain_name")
    assert domain.block("domain_name_configuration")["security_policy"] == "TLS_1_2"
    (concurrency,) = plan.all("lambda_provisioned_concurrency_config")
    assert concurrency.values["provisioned_concurrent_executions"] == 2
    keys = {
        one.address.partition("[")[0]: one.values[name]
        for one in plan.resources
        for name in ("kms_master_key_id", "kms_key_id", "kms_key_arn")
        if one.values.get(name)
    }
    assert set(keys.values()) == {KEY}
    assert len(keys) == 6
    may_use = {one for one, statement in plan.statements() if statement.get("Resource") == KEY}
    assert len(may_use) == 3
    assert "lambake-dev" not in json.dumps([one.values for one in plan.resources])


def test_refusals(planner: Terraform) -> None:
    """What AWS would refuse, or what would lose messages, is refused before anything is made."""
    function = planner.function(
        "wrong.yaml",
        api={"auth": "jwt"},
        queue={"max_receives": 4, "batch_size": 100, "max_concurrency": 21},
        buckets={"bulk_prefix": "in/bulk/"},
        top={
            "snap_start": True,
            "provisioned_concurrency": 30,
            "tmp_mb": 1024,
            "timeout_s": 0.5,
        },
    )
    variables = planner.variables(image_digest=None, function_file=function)
    said = planner.run("plan", "-no-color", *variables, status=1)
    said = " ".join(said.replace("│", " ").split())
    for expected in (
        "image_digest: expected the digest of an image in the registry, got none.",
        "snap_start: expected it without provisioned_concurrency; Lambda has either.",
        "snap_start: expected tmp_mb of 512 at most, got 1024.",
        "provisioned_concurrency: expected reserved_concurrency at most.",
        "timeout_s: expected whole seconds, got 0.5.",
        "aws.buckets.bulk_prefix: expected both outside of in/.",
        "aws.queue.max_receives: expected 5 at least, got 4;",
        "aws.queue.window_s: expected 1 at least for a batch_size above 10.",
        "aws.queue.max_concurrency: expected reserved_concurrency at most, got 21;",
        "aws.api.jwt: expected issuer (https://…) and audience (a list), since auth is jwt.",
    ):
        assert expected in said


def test_refused_names(planner: Terraform) -> None:
    """What no registry or bucket can be called is refused before the first of them is made."""
    function = planner.function("name.yaml", top={"name": "Lambake--with-a-name-that-is-too-long"})
    only = "-target=aws_ecr_repository.images"
    variables = planner.variables(image_digest=None, function_file=function)
    said = planner.run("plan", "-no-color", only, *variables, status=1)
    said = " ".join(said.replace("│", " ").split())
    assert "name: expected small letters, digits and single dashes" in said
    assert "name: expected a shorter one; Lambake--with-a-name-that-is-too-long-dev-" in said


def test_the_registry_comes_first(planner: Terraform) -> None:
    """Before there is an image there is a place to push it to."""
    targets = [f"-target=aws_ecr_{kind}.images" for kind in ("repository", "lifecycle_policy")]
    said = planner.run("plan", "-json", *targets, *planner.variables(image_digest=None))
    lines = [json.loads(line) for line in said.splitlines()]
    changes = [line["change"] for line in lines if line["type"] == "planned_change"]
    assert {(one["action"], one["resource"]["resource_type"]) for one in changes} == {
        ("create", "aws_ecr_repository"),
        ("create", "aws_ecr_lifecycle_policy"),
    }


def test_state_in_a_bucket(
    program: str, box: Cloud, client: Client, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With the one setting the state is an object, and whoever comes second must wait."""
    client("s3").create_bucket(Bucket="states")
    shared = Terraform(program, tmp_path_factory.mktemp("shared"), cloud=box.url)
    files = shared.folder / "aws"
    (files / "s3_override.tf").write_text((files / "state" / "s3_override.tf").read_text())
    places = ("bucket=states", "key=lambake/dev.tfstate", f"region={REGION}", "use_path_style=true")
    shared.extra = {"AWS_ENDPOINT_URL": box.url}
    shared.init(*(f"-backend-config={place}" for place in places))
    state = {"version": 4, "terraform_version": "1.10.0", "serial": 1, "lineage": "l"}
    outputs = {"mark": {"value": "x", "type": "string"}}
    (shared.folder / "state").write_text(json.dumps({**state, "outputs": outputs, "resources": []}))
    shared.run("state", "push", str(shared.folder / "state"))
    kept = client("s3").get_object(Bucket="states", Key="lambake/dev.tfstate")
    assert json.load(kept["Body"])["outputs"] == outputs
    lock = {"Bucket": "states", "Key": "lambake/dev.tfstate.tflock"}
    client("s3").put_object(**lock, Body=json.dumps({"ID": "1", "Who": "another"}).encode())
    said = shared.run("state", "push", "-force", str(shared.folder / "state"), status=1)
    assert "Error acquiring the state lock" in said


def test_function(stack: dict[str, Any], client: Client) -> None:
    """The function stands with what function.yaml says, and its alias is a published version."""
    settings = client("lambda").get_function_configuration(FunctionName=NAME)
    image = client("lambda").get_function(FunctionName=NAME)
    assert image["Code"]["ImageUri"].endswith(f"/{NAME}@{DIGEST}")
    assert image["Concurrency"]["ReservedConcurrentExecutions"] == 20
    assert (settings["MemorySize"], settings["Timeout"]) == (1024, 30)
    assert settings["ImageConfigResponse"]["ImageConfig"]["Command"] == ["function.entry.handler"]
    assert settings["Environment"]["Variables"] == {
        "LAMBAKE_INPUT_PREFIX": "in/",
        "LAMBAKE_OUTPUT_PREFIX": "out/",
        "LAMBAKE_OUTPUT_BUCKET": stack["buckets"]["output"],
        "LAMBAKE_RESULTS_QUEUE": stack["queues"]["results"],
    }
    alias = client("lambda").get_alias(FunctionName=NAME, Name="live")
    assert alias["FunctionVersion"] == stack["function"]["newest_version"] == "1"


def test_sources(stack: dict[str, Any], client: Client) -> None:
    """Who invokes it is said on both sides: mapping, notification, and the alias's own policy."""
    (mapping,) = client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert mapping["FunctionArn"] == f"{FUNCTION}:live"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    bucket = stack["buckets"]["input"]
    told_of = client("s3").get_bucket_notification_configuration(Bucket=bucket)
    (notification,) = told_of["LambdaFunctionConfigurations"]
    assert notification["LambdaFunctionArn"] == f"{FUNCTION}:live"
    policy = client("lambda").get_policy(FunctionName=NAME, Qualifier="live")["Policy"]
    sources = {
        one["Principal"]["Service"]: (
            one["Condition"]["ArnLike"]["AWS:SourceArn"],
            one["Condition"]["StringEquals"]["AWS:SourceAccount"],
        )
        for one in json.loads(policy)["Statement"]
    }
    api = stack["api_url"].removeprefix("https://").split(".")[0]
    assert sources == {
        "s3.amazonaws.com": (f"arn:aws:s3:::{bucket}", ACCOUNT),
        "apigateway.amazonaws.com": (
            f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/*/$default",
            ACCOUNT,
        ),
    }


def test_prediction(stack: dict[str, Any], client: Client) -> None:
    """What was applied really predicts: an invocation of the alias by boto3."""
    answer = client("lambda").invoke(
        FunctionName=stack["function"]["name"],
        Qualifier=stack["function"]["alias"],
        Payload=json.dumps({"model": "iris", "rows": [[5.1, 3.5, 1.4, 0.2]]}).encode(),
    )
    assert answer["ExecutedVersion"] == "1"
    assert told(answer)["predictions"][0]["label"] == "setosa"


def test_message(stack: dict[str, Any], client: Client) -> None:
    """A message in the queue becomes one among the results."""
    body = json.dumps({"model": "iris", "rows": [[5.1, 3.5, 1.4, 0.2]]})
    client("sqs").send_message(QueueUrl=stack["queues"]["requests"], MessageBody=body)
    results: list[Any] = []

    def arrived() -> bool:
        queue = stack["queues"]["results"]
        results.extend(client("sqs").receive_message(QueueUrl=queue).get("Messages", []))
        return bool(results)

    until(arrived)
    assert '"setosa"' in results[0]["Body"]


def test_object(stack: dict[str, Any], client: Client) -> None:
    """An object in the one bucket becomes its predictions in the other."""
    picture = ROOT / "model" / "zoo" / "digits" / "samples" / "7.png"
    s3, buckets = client("s3"), stack["buckets"]
    s3.put_object(Bucket=buckets["input"], Key="in/digits/7.png", Body=picture.read_bytes())
    result = {"Bucket": buckets["output"], "Key": "out/digits/7.png.json"}
    until(lambda: "Contents" in s3.list_objects_v2(Bucket=result["Bucket"], Prefix=result["Key"]))
    predicted = json.load(s3.get_object(**result)["Body"])
    assert predicted["predictions"][0]["label"] == "7"


def choices_are_off(plan: Plan) -> None:
    """Signed calls by default; a snapshot, a second address and a domain are there where chosen."""
    (route,) = plan.all("apigatewayv2_route")
    assert route.values["authorization_type"] == "AWS_IAM"
    (function,) = plan.all("lambda_function")
    assert function.values["snap_start"] == []
    chosen = ("lambda_function_url", "apigatewayv2_domain_name", "apigatewayv2_authorizer")
    assert [one.address for kind in (*chosen, "sns_topic") for one in plan.all(kind)] == []


@pytest.mark.usefixtures("stack")
def test_another_image(terraform: Terraform, client: Client) -> None:
    """Another image changes the function, and whom the canary's alarm looks at; it is a new
    version, and nobody's yet: the alias stays where it is. Once applied nothing is left to change,
    in the midst of a canary too, and what was unknown before keeps every rule.
    """
    newer = terraform.variables(image_digest=NEWER)
    said = terraform.run("apply", "-auto-approve", "-no-color", *newer)
    assert "Plan: 0 to add, 2 to change, 0 to destroy." in said
    alias = {"FunctionName": NAME, "Name": "live"}
    assert client("lambda").get_alias(**alias)["FunctionVersion"] == "1"
    function = json.loads(terraform.run("output", "-json", "function"))
    assert function["newest_version"] == "2"
    client("lambda").update_alias(**alias, RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}})
    planned, said = terraform.plan(image_digest=NEWER)
    assert "No changes." in said
    plan = Plan.from_json(planned)
    assert [rule.__name__ for rule in RULES if rule(plan)] == []
    choices_are_off(plan)
    alarm = client("cloudwatch").describe_alarms(AlarmNames=[f"{NAME}-canary"])["MetricAlarms"][0]
    looked_at = [
        query["MetricStat"]["Metric"] for query in alarm["Metrics"] if "MetricStat" in query
    ]
    of_newest = {"Name": "ExecutedVersion", "Value": "2"}
    assert [of_newest in metric["Dimensions"] for metric in looked_at] == [True, True]


@pytest.fixture(scope="module")
def changed(stack: dict[str, Any], terraform: Terraform) -> tuple[dict[str, Any], str]:
    """Plan two changes of the stage that stands: another canary, and an API for anybody."""
    function = terraform.function("open.yaml", canary={"percent": 20}, api={"auth": "none"})
    return terraform.plan(image_digest=NEWER, function_file=function)


def test_another_canary(changed: tuple[dict[str, Any], str]) -> None:
    """It is made before the one goes that the group has: CodeDeploy removes none in use."""
    actions = {one["address"]: one["change"]["actions"] for one in changed[0]["resource_changes"]}
    assert actions["aws_codedeploy_deployment_config.canary"] == ["create", "delete"]
    assert actions["aws_codedeploy_deployment_group.live"] == ["update"]


def test_an_open_api_is_said_loudly(changed: tuple[dict[str, Any], str]) -> None:
    """Without authorisation the plan warns, the outputs keep the warning, and a rule is broken."""
    planned, said = changed
    warning = (
        "THE API IS OPEN: aws.api.auth is none, so anybody who finds its address predicts at your"
        " cost."
    )
    assert warning in " ".join(said.replace("│", " ").split())
    assert planned["planned_values"]["outputs"]["warnings"]["value"] == [warning]
    assert calls_are_authorised(Plan.from_json(planned)) == ["aws_apigatewayv2_route.default"]


def test_the_queue_follows_the_alias(stack: dict[str, Any], client: Client, box: Cloud) -> None:
    """Once the alias has moved, messages go to the other version, too."""
    client("lambda").update_alias(
        FunctionName=NAME,
        Name="live",
        FunctionVersion="2",
        RoutingConfig={"AdditionalVersionWeights": {}},
    )
    queue = stack["queues"]["requests"]
    client("sqs").send_message(QueueUrl=queue, MessageBody='{"model": "iris", "rows": [[1,2,3,4]]}')
    until(lambda: any("Version: 2" in line for line in box.functions.logs(NAME)))


LISTS: dict[str, tuple[str, Callable[[Any], list[Any]]]] = {
    "alarms": ("cloudwatch", lambda c: c.describe_alarms()["MetricAlarms"]),
    "APIs": ("apigatewayv2", lambda c: c.get_apis()["Items"]),
    "buckets": ("s3", lambda c: [b for b in c.list_buckets()["Buckets"] if NAME in b["Name"]]),
    "CodeDeploy applications": ("codedeploy", lambda c: c.list_applications()["applications"]),
    "dashboards": ("cloudwatch", lambda c: c.list_dashboards()["DashboardEntries"]),
    "functions": ("lambda", lambda c: c.list_functions()["Functions"]),
    "log groups": ("logs", lambda c: c.describe_log_groups()["logGroups"]),
    "mappings": ("lambda", lambda c: c.list_event_source_mappings()["EventSourceMappings"]),
    "policies": ("iam", lambda c: c.list_policies(Scope="Local")["Policies"]),
    "queues": ("sqs", lambda c: c.list_queues().get("QueueUrls", [])),
    "registries": ("ecr", lambda c: c.describe_repositories()["repositories"]),
    "roles": ("iam", lambda c: c.list_roles()["Roles"]),
    "state machines": ("stepfunctions", lambda c: c.list_state_machines()["stateMachines"]),
}


def standing(client: Client) -> set[str]:
    """Tell of which kinds something stands."""
    return {kind for kind, (service, listed) in LISTS.items() if listed(client(service))}


def test_destroy(stack: dict[str, Any], terraform: Terraform, client: Client) -> None:
    """Nothing is left, images, objects and logs included."""
    client("s3").put_object(Bucket=stack["buckets"]["output"], Key="out/1.json", Body=b"{}")
    client("ecr").put_image(
        repositoryName=NAME,
        imageManifest=json.dumps({"schemaVersion": 2, "config": {}, "layers": []}),
        imageManifestMediaType="application/vnd.oci.image.manifest.v1+json",
        imageTag="1",
    )
    assert standing(client) == set(LISTS)
    terraform.run("destroy", "-auto-approve", "-no-color", "-refresh=false", *terraform.variables())
    assert standing(client) == set()
