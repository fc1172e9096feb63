"""The errors of DynamoDB: whether a call was executed for certain, and explanations for operators."""

import ssl
from http.client import HTTPException
from typing import Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from infrastructure.network.circuit_breaker import ErrorKinds
from infrastructure.network.errors import NameNotResolved, ResolverTimeout


class DynamoError(Exception):
    """A call failed. The message explains the failure, and follows the name of the table in a sentence.

    Attributes:
        code: the code of the error response, or the name of the type of the error.
    """

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


class Refused(DynamoError):
    """DynamoDB did not execute the call, and will not until an operator changes something."""


class Throttled(DynamoError):
    """DynamoDB did not execute the call, because of too many calls or of another call on the same item."""


class Unavailable(DynamoError):
    """DynamoDB failed or can't be reached. It may have executed the call, or may still do so."""


class NoAnswer(Unavailable):
    """DynamoDB did not answer in time."""


ERRORS: Final = ErrorKinds((DynamoError,), NoAnswer, lambda error: isinstance(error, Unavailable))
CONDITION_FAILED: Final = "ConditionalCheckFailedException"
FORBIDDEN: Final = "AccessDeniedException"
NO_TABLE: Final = "ResourceNotFoundException"
_SERVER_ERROR: Final = 500

_THROTTLED: Final = {
    "LimitExceededException": "has too many changes of tables at the same time",
    "ProvisionedThroughputExceededException": "throttles: raise its capacity, or use on-demand capacity",
    "ReplicatedWriteConflictException": "is being written in another region: use one region only",
    "RequestLimitExceeded": "throttles: the account has reached its limit of requests",
    "ThrottlingException": "throttles: raise its capacity, or the limit of on-demand capacity",
    "TransactionConflictException": "has an item that a transaction of another program is changing",
    "TransactionInProgressException": "has an item that a transaction of another program is changing",
}
"""Codes of calls that were certainly not executed, and whose cause ends by itself."""
_CHECK_CREDENTIALS: Final = "check the AWS credentials of the service"
_REFUSED: Final = {
    FORBIDDEN: "does not allow the service this operation: check its IAM policy, and that of the table's key in KMS",
    NO_TABLE: "does not exist: create it, or correct OPEN_MFA_STORE_URL",
    "ResourceInUseException": "is being created or changed",
    "ExpiredTokenException": f"refuses expired credentials: {_CHECK_CREDENTIALS}",
    "IncompleteSignatureException": f"refuses the signature: {_CHECK_CREDENTIALS}",
    "InvalidSignatureException": f"refuses the signature: {_CHECK_CREDENTIALS}, and the clock",
    "MissingAuthenticationTokenException": f"misses a signature: {_CHECK_CREDENTIALS}",
    "UnrecognizedClientException": f"does not know the access key: {_CHECK_CREDENTIALS}",
    "ValidationException": "refuses a request: check that its only key is the string `id`, and that it is a table",
}
"""Codes that stay until an operator changes something."""
_BY_TYPE: Final[dict[type[BaseException], str]] = {
    ssl.SSLCertVerificationError: "has a certificate that this machine does not trust: name its authority in"
    " AWS_CA_BUNDLE",
    ssl.SSLError: "ends the TLS handshake: check the endpoint",
    NameNotResolved: "can't be reached: its name does not resolve: check the region, the endpoint and the DNS",
    ResolverTimeout: "can't be reached: the DNS does not answer in time for its name",
    TimeoutError: "does not answer in time",
    PermissionError: "can't be reached: the operating system does not allow this user to open the connection",
    HTTPException: "does not answer correctly: check the endpoint",
    OSError: "can't be reached: check the endpoint and the network",
}
"""Explanations of errors of the connection. The first type that matches counts."""
_NO_CREDENTIALS: Final = (
    "can't be used without AWS credentials: give the service a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
)


def translated(error: Exception) -> DynamoError:
    """Return the error for a failure of a call. Raise the failure if it is no failure of DynamoDB or the network."""
    match error:
        case DynamoError():
            return error
        case ClientError():
            return _response(error)
        case NoCredentialsError() | PartialCredentialsError() | ProfileNotFound():
            return Refused(_NO_CREDENTIALS, type(error).__name__)
        case CredentialRetrievalError() | TokenRetrievalError() | UnauthorizedSSOTokenError():
            return Unavailable("can't be used: the AWS credentials of the service can't be fetched", _name(error))
        case BotoCoreError():
            return Unavailable("does not answer correctly: check the endpoint", _name(error))
        case OSError() | HTTPException():
            why = next(text for kind, text in _BY_TYPE.items() if isinstance(error, kind))
            kind = NoAnswer if isinstance(error, TimeoutError) else Unavailable
            return kind(why, _name(error))
    raise error


def wrong_answer(problem: str) -> DynamoError:
    """Return the error for an answer that DynamoDB does not give."""
    return Unavailable("does not answer correctly: check the endpoint", problem)


def _response(error: ClientError) -> DynamoError:
    answer: dict[str, Any] = dict(error.response)
    code = str(answer.get("Error", {}).get("Code", ""))
    if code in _THROTTLED:
        return Throttled(_THROTTLED[code], code)
    if code in _REFUSED:
        return Refused(_REFUSED[code], code)
    if answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= _SERVER_ERROR:
        return Unavailable("fails", code)
    return Refused("refuses a request", code)


def _name(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{type(error).__name__}: {error.verify_message}"
    return type(error).__name__
