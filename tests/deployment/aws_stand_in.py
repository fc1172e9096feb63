"""A stand-in for AWS on loopback: the server of moto, with additions that the stacks need.

It shows that the resources of the stacks fit together and that a second plan has no changes. It is not AWS: it enforces
no policy, security group or firewall rule, runs no task, and issues no certificate.

It logs each call (`CALL access-key service:Action ARN…`), so that tests can compare the calls with the policies of
a role.

It runs in the environment of `requirements/deploy.txt`: `python tests/deployment/aws_stand_in.py PORT`.
"""

import json
import os
import re
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus, urlsplit

# moto reads these variables at its import. Certificates are valid and services have their tasks at once.
os.environ |= {"MOTO_ACM_VALIDATION_WAIT": "0", "MOTO_ECS_SERVICE_RUNNING": "2"}

from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.awslambda.models import lambda_backends
from moto.cloudformation.parsing import get_model_map
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse, EmptyResult
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.elasticache.responses import ElastiCacheResponse
from moto.iam.models import iam_backends
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response
from moto.secretsmanager.models import secretsmanager_backends
from moto.server import main

Item = dict[str, Any]
DYNAMIC_REFERENCE = re.compile(r"\{\{resolve:secretsmanager:(arn:[^}]*?):SecretString(?::::([^:}]+))?\}\}")


def added_to(responses: type[BaseResponse]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function for the API action of the same name."""

    def add(answer: Callable[..., Any]) -> Callable[..., Any]:
        setattr(responses, answer.__name__, answer)
        return answer

    return add


# --- Actions that moto does not support fail at once. Clients would retry an error of the server for minutes ---

_call_action = BaseResponse.call_action


@added_to(BaseResponse)
def call_action(self: BaseResponse) -> Any:
    try:
        return _call_action(self)
    except NotImplementedError as error:
        sys.stderr.write(f"UNSUPPORTED {self.service_name}: {error}\n")
        if "json" in str(self.headers.get("Content-Type")):
            return 400, {}, json.dumps({"__type": "NotImplemented", "message": str(error)})
        return (
            400,
            {},
            f"<ErrorResponse><Error><Code>NotImplemented</Code><Message>{error}</Message></Error></ErrorResponse>",
        )


# --- A log of the calls with the names that IAM uses, which sometimes differ from those of the API ---

IAM_SERVICES = {"elbv2": "elasticloadbalancing", "apigatewayv2": "apigateway", "awslambda": "lambda"}
IAM_ACTIONS = {
    "s3:DeleteBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:DeleteBucketLifecycle": "s3:PutLifecycleConfiguration",
    "s3:DeleteBucketOwnershipControls": "s3:PutBucketOwnershipControls",
    "s3:DeletePublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:GetBucketAccelerateConfiguration": "s3:GetAccelerateConfiguration",
    "s3:GetBucketCors": "s3:GetBucketCORS",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetBucketReplication": "s3:GetReplicationConfiguration",
    "s3:GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}

_setup_class = BaseResponse.setup_class


def setup_class(self: BaseResponse, request: Any, *arguments: Any, **named: Any) -> None:
    _setup_class(self, request, *arguments, **named)
    service = IAM_SERVICES.get(self.service_name, self.service_name)
    # IAM names the calls of API Gateway by their method.
    asked = f"{service}:{request.method if service == 'apigateway' else self._get_action()}"
    who = re.search(r"Credential=(\w+)/", str(request.headers.get("Authorization")))
    arns = resources_of(self, service, request)
    sys.stderr.write(" ".join(["CALL", who[1] if who else "nobody", IAM_ACTIONS.get(asked, asked), *arns]) + "\n")


def resources_of(self: BaseResponse, service: str, request: Any) -> list[str]:
    """Return the resources in a call, by name or ARN. They may include resources that it only mentions."""
    if service == "s3":
        return [f"arn:aws:s3:::{urlsplit(request.url).path.strip('/')}"]
    if service == "apigateway":
        return [f"arn:aws:apigateway:{self.region}::{urlsplit(request.url).path.removeprefix('/v2')}"]
    if "RoleName" in self.querystring:
        return [f"arn:aws:iam::{self.current_account}:role/{self.querystring['RoleName'][0]}"]
    body = self.body.decode() if isinstance(self.body, bytes) else str(self.body or "")
    told = json.dumps(self.querystring) + unquote_plus(body)
    return sorted(set(re.findall(rf"arn:aws:{service}:[^\"\\\s,&]+", told)))


BaseResponse.setup_class = setup_class


# --- S3: moto enforces bucket policies without conditions, so a rule that requires TLS would deny all requests ---

_get_permission = FakeBucket.get_permission


def get_permission(self: FakeBucket, action: str, resource: str) -> Any:
    policy, self.policy = self.policy, _unconditional(self.policy)
    try:
        return _get_permission(self, action, resource)
    finally:
        self.policy = policy


def _unconditional(policy: bytes | None) -> bytes | None:
    statements = [each for each in json.loads(policy)["Statement"] if "Condition" not in each] if policy else []
    return json.dumps({"Version": "2012-10-17", "Statement": statements}).encode() if statements else None


FakeBucket.get_permission = get_permission

# Clients wait until S3 returns the same setting for a lifecycle as at its creation. moto returns it only then.
_bucket_response_put = S3Response._bucket_response_put


def bucket_response_put(self: S3Response, request: Any, bucket_name: str, querystring: Item) -> Any:
    answer = _bucket_response_put(self, request, bucket_name, querystring)
    if "lifecycle" not in querystring:
        return answer
    return 200, {"x-amz-transition-default-minimum-object-size": "all_storage_classes_128K"}, ""


S3Response._bucket_response_put = bucket_response_put


# --- ElastiCache: the answers contain the requested values ---

PARAMETER_GROUPS: dict[str, Item] = {}
REPLICATION_GROUPS: dict[str, Item] = {}
CLUSTERS: dict[str, Item] = {}
TAGS: dict[str, dict[str, str]] = {}


class NotFound(ServiceException):
    """A missing resource, with the error code that clients expect."""


def found(kind: str, items: dict[str, Item], name: str) -> Item:
    if name not in items:
        error = NotFound(f"{name} not found")
        error.code = kind
        raise error
    return items[name]


def arn_of(self: ElastiCacheResponse, kind: str, name: str) -> str:
    return f"arn:aws:elasticache:{self.region}:{self.current_account}:{kind}:{name}"


def tagged(self: ElastiCacheResponse, arn: str) -> None:
    TAGS[arn] = {tag["Key"]: tag["Value"] for tag in self._get_param("Tags", [])}


_list_tags, _add_tags, _remove_tags = (
    getattr(ElastiCacheResponse, name)
    for name in ("list_tags_for_resource", "add_tags_to_resource", "remove_tags_from_resource")
)


@added_to(ElastiCacheResponse)
def list_tags_for_resource(self: ElastiCacheResponse) -> Any:
    tags = TAGS.get(self._get_param("ResourceName"))
    if tags is None:
        return _list_tags(self)
    return ActionResult({"TagList": [{"Key": key, "Value": value} for key, value in tags.items()]})


@added_to(ElastiCacheResponse)
def add_tags_to_resource(self: ElastiCacheResponse) -> Any:
    if self._get_param("ResourceName") not in TAGS:
        return _add_tags(self)
    TAGS[self._get_param("ResourceName")] |= {tag["Key"]: tag["Value"] for tag in self._get_param("Tags", [])}
    return list_tags_for_resource(self)


@added_to(ElastiCacheResponse)
def remove_tags_from_resource(self: ElastiCacheResponse) -> Any:
    if self._get_param("ResourceName") not in TAGS:
        return _remove_tags(self)
    for key in self._get_param("TagKeys", []):
        TAGS[self._get_param("ResourceName")].pop(key, None)
    return list_tags_for_resource(self)


@added_to(ElastiCacheResponse)
def create_cache_parameter_group(self: ElastiCacheResponse) -> Any:
    name = self._get_param("CacheParameterGroupName")
    group = {
        "CacheParameterGroupName": name,
        "CacheParameterGroupFamily": self._get_param("CacheParameterGroupFamily"),
        "Description": self._get_param("Description"),
        "IsGlobal": False,
        "ARN": arn_of(self, "parametergroup", name),
    }
    PARAMETER_GROUPS[name] = {"group": group, "parameters": {}}
    tagged(self, group["ARN"])
    return ActionResult({"CacheParameterGroup": group})


def parameter_group(self: ElastiCacheResponse) -> Item:
    return found("CacheParameterGroupNotFound", PARAMETER_GROUPS, self._get_param("CacheParameterGroupName"))


@added_to(ElastiCacheResponse)
def modify_cache_parameter_group(self: ElastiCacheResponse) -> Any:
    chosen = self._get_param("ParameterNameValues", [])
    parameter_group(self)["parameters"] |= {each["ParameterName"]: each["ParameterValue"] for each in chosen}
    return ActionResult({"CacheParameterGroupName": self._get_param("CacheParameterGroupName")})


@added_to(ElastiCacheResponse)
def reset_cache_parameter_group(self: ElastiCacheResponse) -> Any:
    for each in self._get_param("ParameterNameValues", []):
        parameter_group(self)["parameters"].pop(each["ParameterName"], None)
    return ActionResult({"CacheParameterGroupName": self._get_param("CacheParameterGroupName")})


@added_to(ElastiCacheResponse)
def describe_cache_parameter_groups(self: ElastiCacheResponse) -> Any:
    return ActionResult({"CacheParameterGroups": [parameter_group(self)["group"]]})


@added_to(ElastiCacheResponse)
def describe_cache_parameters(self: ElastiCacheResponse) -> Any:
    parameters = parameter_group(self)["parameters"].items()
    return ActionResult(
        {"Parameters": [{"ParameterName": n, "ParameterValue": v, "Source": "user"} for n, v in parameters]}
    )


@added_to(ElastiCacheResponse)
def delete_cache_parameter_group(self: ElastiCacheResponse) -> Any:
    parameter_group(self)
    del PARAMETER_GROUPS[self._get_param("CacheParameterGroupName")]
    return EmptyResult()


@added_to(ElastiCacheResponse)
def delete_cache_subnet_group(self: ElastiCacheResponse) -> Any:
    self.elasticache_backend.cache_subnet_groups.pop(self._get_param("CacheSubnetGroupName"), None)
    return EmptyResult()


@added_to(ElastiCacheResponse)
def create_replication_group(self: ElastiCacheResponse) -> Any:
    asked = self._get_params()
    name, port, count = asked["ReplicationGroupId"], int(asked["Port"]), int(asked["NumCacheClusters"])
    for group in asked.get("UserGroupIds", []):
        found("UserGroupNotFound", USER_GROUPS, group)
    found("CacheParameterGroupNotFound", PARAMETER_GROUPS, asked["CacheParameterGroupName"])
    members = [f"{name}-{number:03d}" for number in range(1, count + 1)]
    domain = f"{name}.abcdef.euc1.cache.amazonaws.com"
    yes = {key for key, value in asked.items() if str(value).lower() == "true"}
    logs = [each | {"Status": "active"} for each in asked.get("LogDeliveryConfigurations", [])]
    common = {
        "Engine": asked["Engine"],
        "CacheNodeType": asked["CacheNodeType"],
        "SnapshotRetentionLimit": int(asked["SnapshotRetentionLimit"]),
        "SnapshotWindow": asked["SnapshotWindow"],
        "TransitEncryptionEnabled": "TransitEncryptionEnabled" in yes,
        "TransitEncryptionMode": asked["TransitEncryptionMode"],
        "AtRestEncryptionEnabled": "AtRestEncryptionEnabled" in yes,
        "AutoMinorVersionUpgrade": "AutoMinorVersionUpgrade" in yes,
        "AuthTokenEnabled": "AuthToken" in asked,
        "NetworkType": "ipv4",
        "IpDiscovery": "ipv4",
        "LogDeliveryConfigurations": logs,
    }
    for member in members:
        CLUSTERS[member] = common | {
            "CacheClusterId": member,
            "ReplicationGroupId": name,
            "CacheClusterStatus": "available",
            "ARN": arn_of(self, "cluster", member),
            "EngineVersion": f"{asked['EngineVersion']}.0",
            "NumCacheNodes": 1,
            "CacheNodes": [],
            "CacheParameterGroup": {"CacheParameterGroupName": asked["CacheParameterGroupName"]},
            "CacheSubnetGroupName": asked["CacheSubnetGroupName"],
            "PreferredMaintenanceWindow": asked["PreferredMaintenanceWindow"],
            "SecurityGroups": [{"SecurityGroupId": each, "Status": "active"} for each in asked["SecurityGroupIds"]],
        }
        TAGS[arn_of(self, "cluster", member)] = {}
    REPLICATION_GROUPS[name] = common | {
        "ReplicationGroupId": name,
        "Description": asked["ReplicationGroupDescription"],
        "Status": "available",
        "ARN": arn_of(self, "replicationgroup", name),
        "MemberClusters": members,
        "NodeGroups": [
            {
                "NodeGroupId": "0001",
                "Status": "available",
                "PrimaryEndpoint": {"Address": f"master.{domain}", "Port": port},
                "ReaderEndpoint": {"Address": f"replica.{domain}", "Port": port},
                "NodeGroupMembers": [{"CacheClusterId": member, "CacheNodeId": "0001"} for member in members],
            }
        ],
        "AutomaticFailover": "enabled" if "AutomaticFailoverEnabled" in yes else "disabled",
        "MultiAZ": "enabled" if "MultiAZEnabled" in yes else "disabled",
        "ClusterEnabled": False,
        "ClusterMode": "disabled",
        "KmsKeyId": asked["KmsKeyId"],
        "UserGroupIds": asked.get("UserGroupIds", []),
        "DataTiering": "disabled",
    }
    tagged(self, arn_of(self, "replicationgroup", name))
    return ActionResult({"ReplicationGroup": REPLICATION_GROUPS[name]})


def replication_group(self: ElastiCacheResponse) -> Item:
    return found("ReplicationGroupNotFoundFault", REPLICATION_GROUPS, self._get_param("ReplicationGroupId"))


@added_to(ElastiCacheResponse)
def describe_replication_groups(self: ElastiCacheResponse) -> Any:
    return ActionResult({"ReplicationGroups": [replication_group(self)]})


@added_to(ElastiCacheResponse)
def modify_replication_group(self: ElastiCacheResponse) -> Any:
    group = replication_group(self)
    if limit := self._get_param("SnapshotRetentionLimit"):
        for each in (group, *(CLUSTERS[member] for member in group["MemberClusters"])):
            each["SnapshotRetentionLimit"] = int(limit)
    return ActionResult({"ReplicationGroup": group})


@added_to(ElastiCacheResponse)
def describe_cache_clusters(self: ElastiCacheResponse) -> Any:
    return ActionResult({"CacheClusters": [found("CacheClusterNotFound", CLUSTERS, self._get_param("CacheClusterId"))]})


@added_to(ElastiCacheResponse)
def delete_replication_group(self: ElastiCacheResponse) -> Any:
    group = replication_group(self)
    if not self._get_param("FinalSnapshotIdentifier"):
        raise NotFound("the request has no final snapshot, which the stacks always take")
    for member in group["MemberClusters"]:
        del CLUSTERS[member]
    return ActionResult({"ReplicationGroup": REPLICATION_GROUPS.pop(group["ReplicationGroupId"])})


# --- CloudFormation: references to Secrets Manager ---


def resolved(text: str, location: tuple[str, str]) -> str:
    """Return a text with the values of the secrets to which it refers."""
    secrets = secretsmanager_backends[location[0]][location[1]]

    def value(reference: re.Match[str]) -> str:
        # A reference without a version is to the current one.
        found: str = secrets.get_secret_value(reference[1], reference[2] or "", "")["SecretString"]
        return found

    return DYNAMIC_REFERENCE.sub(value, text)


# --- CloudFormation: users of ElastiCache, with passwords from Secrets Manager ---

USERS: dict[str, Item] = {}
USER_GROUPS: dict[str, Item] = {}
PASSWORDS: dict[str, list[str]] = {}


class Made:
    """A resource of CloudFormation. moto calls these methods."""

    def __init__(self, name: str) -> None:
        self.physical_resource_id = name
        self.name = name

    def is_created(self) -> bool:
        return True

    @classmethod
    def make(cls, properties: Item, location: tuple[str, str]) -> "Made":
        """Create the resource. `location` is the account and the region."""
        raise NotImplementedError

    @classmethod
    def create_from_cloudformation_json(
        cls, _name: str, cloudformation_json: Item, account_id: str, region_name: str, **_: Any
    ) -> "Made":
        return cls.make(cloudformation_json["Properties"], (account_id, region_name))

    @classmethod
    def update_from_cloudformation_json(
        cls, *, cloudformation_json: Item, account_id: str, region_name: str, **_: Any
    ) -> "Made":
        return cls.make(cloudformation_json["Properties"], (account_id, region_name))

    @classmethod
    def delete_from_cloudformation_json(cls, name: str, *_: Any) -> None:
        for made in (USERS, USER_GROUPS, PASSWORDS):
            made.pop(name, None)


class User(Made):
    """`AWS::ElastiCache::User`, which refuses invalid passwords like ElastiCache."""

    @classmethod
    def make(cls, properties: Item, location: tuple[str, str]) -> Made:
        references = properties["AuthenticationMode"]["Passwords"]
        if not all(DYNAMIC_REFERENCE.fullmatch(each) for each in references):
            raise ValueError("a password must be a reference to Secrets Manager")
        passwords = [resolved(each, location) for each in references]
        if not 1 <= len(passwords) <= 2 or not all(re.fullmatch(r"[\x21-\x7e]{16,128}", each) for each in passwords):
            raise ValueError("there must be one or two passwords of 16 to 128 printable characters")
        USERS[properties["UserId"]] = {name: properties[name] for name in ("UserName", "Engine", "AccessString")}
        PASSWORDS[properties["UserId"]] = passwords
        return cls(properties["UserId"])


class UserGroup(Made):
    """`AWS::ElastiCache::UserGroup`. A group for Redis needs a user with the name default."""

    @classmethod
    def make(cls, properties: Item, _place: tuple[str, str]) -> Made:
        users = [found("UserNotFound", USERS, each) for each in properties["UserIds"]]
        if all(user["UserName"] != "default" for user in users):
            raise ValueError("a user group needs a user with the name default")
        USER_GROUPS[properties["UserGroupId"]] = {"UserIds": properties["UserIds"]}
        return cls(properties["UserGroupId"])


get_model_map().update({"AWS::ElastiCache::User": User, "AWS::ElastiCache::UserGroup": UserGroup})


# --- CloudFormation: functions, with secrets in their environment ---


class Function(Made):
    """`AWS::Lambda::Function` from an image. The API of Lambda returns it with the values of its secrets."""

    def __init__(self, name: str, arn: str) -> None:
        super().__init__(name)
        self.arn = arn

    @classmethod
    def make(cls, properties: Item, location: tuple[str, str]) -> Made:
        environment = {
            name: resolved(value, location) for name, value in properties["Environment"]["Variables"].items()
        }
        # Lambda refuses more.
        if sum(map(len, [*environment, *environment.values()])) > 4096:
            raise ValueError("the environment of a function has at most 4 KB")
        iam_backends[location[0]]["aws"].get_role_by_arn(properties["Role"])
        made = lambda_backends[location[0]][location[1]].create_function(
            properties
            | {
                "Environment": {"Variables": environment},
                "KMSKeyArn": properties["KmsKeyArn"],
                "Tags": {each["Key"]: each["Value"] for each in properties["Tags"]},
            }
        )
        return cls(properties["FunctionName"], made.function_arn)

    @classmethod
    def delete_from_cloudformation_json(cls, name: str, *rest: Any) -> None:
        _template, account_id, region_name = rest
        lambda_backends[account_id][region_name].delete_function(name)

    @classmethod
    def has_cfn_attr(cls, attribute: str) -> bool:
        return attribute == "Arn"

    def get_cfn_attribute(self, _name: str) -> str:
        return self.arn


class Url(Made):
    """`AWS::Lambda::Url`."""

    @classmethod
    def make(cls, properties: Item, location: tuple[str, str]) -> Made:
        lambda_backends[location[0]][location[1]].get_function(properties["TargetFunctionArn"])
        return cls(properties["TargetFunctionArn"])

    @classmethod
    def has_cfn_attr(cls, attribute: str) -> bool:
        return attribute == "FunctionUrl"

    def get_cfn_attribute(self, _name: str) -> str:
        return f"https://{'a' * 32}.lambda-url.eu-central-1.on.aws/"


class Permission(Made):
    """`AWS::Lambda::Permission`. The tests read the permissions in the template."""

    @classmethod
    def make(cls, properties: Item, location: tuple[str, str]) -> Made:
        lambda_backends[location[0]][location[1]].get_function(properties["FunctionName"])
        return cls(f"{properties['FunctionName']}-{properties['Action']}")


get_model_map().update(
    {"AWS::Lambda::Function": Function, "AWS::Lambda::Permission": Permission, "AWS::Lambda::Url": Url}
)


# --- EC2: descriptions of rules with a group or a prefix list, which moto does not store ---

_security_group_rule = SecurityGroupRule.__init__


def security_group_rule(self: SecurityGroupRule, *arguments: Any, **named: Any) -> None:
    _security_group_rule(self, *arguments, **named)
    sources = [each for each in arguments if isinstance(each, dict)]
    self.said = next((each["Description"] for each in sources if "Description" in each), None)


SecurityGroupRule.__init__ = security_group_rule
SecurityGroupRule.description = property(lambda self: self.said)


# --- Application Auto Scaling: tags ---

_register = ApplicationAutoScalingResponse.register_scalable_target


@added_to(ApplicationAutoScalingResponse)
def register_scalable_target(self: ApplicationAutoScalingResponse) -> str:
    answer: str = _register(self)
    TAGS.setdefault(json.loads(answer)["ScalableTargetARN"], {}).update(self._get_param("Tags") or {})
    return answer


def scaling_tags(self: ApplicationAutoScalingResponse) -> str:
    return json.dumps({"Tags": TAGS.get(self._get_param("ResourceARN"), {})})


ApplicationAutoScalingResponse.list_tags_for_resource = scaling_tags


# --- ECS: attributes of services that moto does not store, so that every plan would change them ---

_KEPT = {
    "healthCheckGracePeriodSeconds": "health_check_grace_period_seconds",
    "deploymentConfiguration": "deployment_configuration",
    "availabilityZoneRebalancing": "availability_zone_rebalancing",
    "enableExecuteCommand": "enable_execute_command",
    "enableECSManagedTags": "enable_ecs_managed_tags",
}


def keeping(action: Callable[..., Any]) -> Callable[..., Any]:
    def answer(self: EC2ContainerServiceResponse) -> Any:
        result = action(self)
        for asked, kept in _KEPT.items():
            value = self._get_param(asked)
            if value is not None:
                setattr(result.result["service"], kept, value)
        return result

    return answer


EC2ContainerServiceResponse.create_service = keeping(EC2ContainerServiceResponse.create_service)
EC2ContainerServiceResponse.update_service = keeping(EC2ContainerServiceResponse.update_service)


if __name__ == "__main__":
    main(["-H", "127.0.0.1", "-p", sys.argv[1]])
