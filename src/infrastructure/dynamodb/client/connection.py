"""A client of DynamoDB, made by botocore, with our own connections and credentials.

Only this module makes a client, so that the package can be imported without botocore.
"""

import os
import threading
from typing import Any, Final

import botocore.session
from botocore.config import Config

from infrastructure.dynamodb.client.credentials import Provider, RenewedCredentials
from infrastructure.dynamodb.client.errors import DynamoError, translated
from infrastructure.dynamodb.client.transport import Transport
from infrastructure.dynamodb.url import TableUrl
from infrastructure.network import deadline
from infrastructure.network.sockets import tls_context

_AUTHORITIES: Final = "AWS_CA_BUNDLE"
"""The variable with the path of a file of trusted authorities, as in all tools of AWS."""


class Connection:
    """Carries out calls on one table. It connects with its first call.

    Args:
        url: the table.
    """

    def __init__(self, url: TableUrl) -> None:
        self._url = url
        self._transport = Transport(tls_context(os.environ.get(_AUTHORITIES) or None))
        self._client: Any = None
        self._making = threading.Lock()

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Carry out one call, once, and return its response.

        Args:
            operation: the name of the method of botocore's client, such as `get_item`.
            arguments: its arguments, without the name of the table.

        Raises:
            DynamoError: the call failed.
        """
        try:
            answer: dict[str, Any] = getattr(self._made(), operation)(**arguments)
        except DynamoError:
            raise
        except Exception as error:
            raise translated(error) from error
        return answer

    def prepare(self) -> None:
        """Make the client unless it exists. Raise `DynamoError`.

        This takes a tenth of a second, or much longer on a fraction of a processor, but waits for nothing. So it does
        not count against the deadline.
        """
        if self._client is None:
            with deadline.paused():
                self._made()

    def close_idle(self) -> None:
        """Close the idle connections."""
        self._transport.close_idle()

    def _made(self) -> Any:
        with self._making:
            if self._client is None:
                self._client = self._make()
            return self._client

    def _make(self) -> Any:
        # One session provides the credentials of the other one, which makes the client.
        source, session = botocore.session.Session(), botocore.session.Session()
        session.register_component("credential_provider", Provider(RenewedCredentials(source.get_credentials)))
        client = session.create_client(
            "dynamodb",
            region_name=self._url.region,
            endpoint_url=self._url.endpoint,
            # botocore would also retry calls that may have been executed.
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False, user_agent_extra="open-mfa"),
        )
        client.meta.events.register("before-send.dynamodb", self._transport.send)
        return client
