"""Events as AWS documents them, and a client that sends requests as one kind of event."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

HOST = "mfa.example.org"
CLIENT = "203.0.113.7"
FORGED = {
    "X-Forwarded-For": "198.51.100.99",
    "X-Forwarded-Host": "evil.example.net",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Port": "1",
    "Forwarded": "for=198.51.100.99;host=evil.example.net",
    "X-Real-Ip": "198.51.100.99",
}


@dataclass(frozen=True)
class Sent:
    """A request of a client."""

    method: str
    path: str
    headers: dict[str, str]
    body: str | None
    is_base64: bool
    client: str

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.path).query, keep_blank_values=True)


def function_url(sent: Sent) -> dict[str, Any]:
    """Return the event of a function URL. An HTTP API sends the same with the payload format 2.0."""
    parts = urlsplit(sent.path)
    headers = {name.lower(): value for name, value in sent.headers.items()}
    cookie = headers.pop("cookie", None)
    # The platform replaces these fields.
    headers |= {"x-forwarded-for": sent.client, "x-forwarded-proto": "https", "x-forwarded-port": "443"}
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": parts.path,
        "rawQueryString": parts.query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abcdefghij",
            "domainName": HOST,
            "domainPrefix": "abcdefghij",
            "http": {
                "method": sent.method,
                "path": parts.path,
                "protocol": "HTTP/1.1",
                "sourceIp": sent.client,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": "00000000-0000-0000-0000-000000000000",
            "routeKey": "$default",
            "stage": "$default",
            "time": "28/Nov/2026:00:00:00 +0000",
            "timeEpoch": 1795824000000,
        },
        "isBase64Encoded": sent.is_base64,
    }
    if cookie is not None:
        event["cookies"] = cookie.split("; ")
    return event if sent.body is None else event | {"body": sent.body}


def http_api_one(sent: Sent) -> dict[str, Any]:
    """Return the event of an HTTP API with the payload format 1.0."""
    headers = sent.headers | {"X-Forwarded-For": sent.client, "X-Forwarded-Proto": "https", "X-Forwarded-Port": "443"}
    query = sent.query
    return {
        "version": "1.0",
        "resource": "$default",
        "path": urlsplit(sent.path).path,
        "httpMethod": sent.method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _grouped(query) or None,
        "requestContext": {
            "accountId": "123456789012",
            "domainName": HOST,
            "httpMethod": sent.method,
            "identity": {"sourceIp": sent.client, "userAgent": ""},
            "path": urlsplit(sent.path).path,
            "protocol": "HTTP/1.1",
            "stage": "$default",
        },
        "pathParameters": None,
        "stageVariables": None,
        "body": sent.body,
        "isBase64Encoded": sent.is_base64,
    }


def balancer(sent: Sent) -> dict[str, Any]:
    """Return the event of an Application Load Balancer."""
    query = {name: urlencode({"": value})[1:] for name, value in sent.query}
    return {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:…:targetgroup/open-mfa/abc"}},
        "httpMethod": sent.method,
        "path": urlsplit(sent.path).path,
        "queryStringParameters": query,
        "headers": _balanced(sent),
        "body": sent.body or "",
        "isBase64Encoded": sent.is_base64,
    }


def balancer_with_multiple_values(sent: Sent) -> dict[str, Any]:
    """Return the event of an Application Load Balancer with multi-value headers."""
    event = balancer(sent)
    headers, query = event.pop("headers"), event.pop("queryStringParameters")
    return event | {
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()},
    }


def _balanced(sent: Sent) -> dict[str, str]:
    headers = {name.lower(): value for name, value in sent.headers.items()}
    # The balancer appends the address of its client, and replaces the other two.
    forwarded = f"{headers['x-forwarded-for']}, {sent.client}" if "x-forwarded-for" in headers else sent.client
    return headers | {"x-forwarded-for": forwarded, "x-forwarded-proto": "https", "x-forwarded-port": "443"}


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


KINDS: dict[str, Callable[[Sent], dict[str, Any]]] = {
    "payload 2.0": function_url,
    "payload 1.0": http_api_one,
    "load balancer": balancer,
    "load balancer with multi-value headers": balancer_with_multiple_values,
}


@dataclass
class Received:
    """A response, as the platform passes it on to the client."""

    status: int
    headers: dict[str, str]
    cookies: list[str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


def received(result: dict[str, Any]) -> Received:
    """Read a response in the form that AWS documents. Anything else fails."""
    content = result["body"]
    assert isinstance(content, str)
    assert isinstance(result["statusCode"], int)
    lists = result.get("multiValueHeaders") or {name: [value] for name, value in result["headers"].items()}
    headers = {name.lower(): ", ".join(values) for name, values in lists.items()}
    cookies = result.get("cookies") or [
        value for name, values in lists.items() if name.lower() == "set-cookie" for value in values
    ]
    body = base64.b64decode(content, validate=True) if result["isBase64Encoded"] else content.encode()
    return Received(result["statusCode"], headers, list(cookies), body)


@dataclass
class LambdaClient:
    """A client that keeps its cookies.

    Args:
        invoke: returns the result of an event.
        kind: makes an event of a request.
        client: the address of the client.
    """

    invoke: Callable[[Any], Any]
    kind: Callable[[Sent], dict[str, Any]] = function_url
    client: str = CLIENT
    cookies: dict[str, str] = field(default_factory=dict)

    def event(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        *,
        base64_body: bool = False,
    ) -> dict[str, Any]:
        """Return the event of a request."""
        sent = {"Host": HOST, "User-Agent": "tests", **(headers or {})}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        text = body
        if body is not None and not isinstance(body, str):
            sent.setdefault("Content-Type", "application/json")
            text = json.dumps(body)
        if base64_body:
            text = base64.b64encode(text.encode()).decode()
        return self.kind(Sent(method, path, sent, text, base64_body, self.client))

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Received:
        """Send a request and keep the cookies of its response."""
        response = received(self.invoke(self.event(method, path, body, **options)))
        for cookie in response.cookies:
            name, _, rest = cookie.partition("=")
            value = rest.partition(";")[0]
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return response
