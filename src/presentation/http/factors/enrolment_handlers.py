"""The handlers that enrol HOTP and TOTP secrets."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Response, request

from application.enrolment import EnrolRequest
from application.errors import NoDerivation
from application.timestamps import timestamp
from domain.errors import InvalidSecret
from domain.owner import Owner
from domain.parameters import HashAlgorithm
from domain.secret import SharedSecret
from domain.stored_state import AnySecretCredential
from presentation.http.factors.identity import Identify
from presentation.http.factors.serializers import parameters_of
from presentation.http.factors.use_cases import FactorServices
from presentation.http.framework.links import link
from presentation.http.framework.problems import invalid, sentence
from presentation.http.framework.responses import json_response


class EnrolmentHandlers:
    """Enrol secrets, or their replacements.

    Args:
        enrol: enrols a secret, or a replacement.
        lifetime: the lifetime of an enrolment in seconds; None for no end.
        services: the shared parts.
        identify: finds the authenticator whose replacement is enrolled; None for the first one of each factor.
        in_collection: whether the path is that of all authenticators.
    """

    def __init__(
        self,
        enrol: Callable[[EnrolRequest], AnySecretCredential],
        lifetime: int | None,
        services: FactorServices,
        identify: Identify | None = None,
        *,
        in_collection: bool = False,
    ) -> None:
        self._enrol = enrol
        self._lifetime = lifetime
        self._identify = identify
        self._in_collection = in_collection
        self._provisioning = services.provisioning
        self._policies = services.policies

    def totp(
        self,
        owner: Owner,
        *,
        digits: int | None = None,
        interval: int | None = None,
        window: int | None = None,
        algorithm: HashAlgorithm | None = None,
        label: str | None = None,
        issuer: str | None = None,
        secret: SharedSecret | None = None,
        derived: bool = False,
        confirmed: bool = False,
        name: str | None = None,
    ) -> Response:
        """Enrol a TOTP secret."""
        policy = self._policies.of(owner)
        parameters = policy.totp.changed(algorithm=algorithm, digits=digits, interval=interval, window=window)
        return self._respond(
            EnrolRequest(owner, self._lifetime, parameters, None, label, issuer, secret, derived, confirmed, name=name)
        )

    def hotp(
        self,
        owner: Owner,
        *,
        initial_counter: int,
        digits: int | None = None,
        look_ahead: int | None = None,
        algorithm: HashAlgorithm | None = None,
        label: str | None = None,
        issuer: str | None = None,
        secret: SharedSecret | None = None,
        confirmed: bool = False,
        name: str | None = None,
    ) -> Response:
        """Enrol an HOTP secret."""
        policy = self._policies.of(owner)
        parameters = policy.hotp.changed(algorithm=algorithm, digits=digits, look_ahead=look_ahead)
        return self._respond(
            EnrolRequest(
                owner,
                self._lifetime,
                parameters,
                initial_counter,
                label,
                issuer,
                secret,
                confirmed=confirmed,
                name=name,
            )
        )

    def _respond(self, wanted: EnrolRequest) -> Response:
        if self._identify is not None:
            wanted = replace(wanted, suffix=self._identify(wanted.owner).suffix)
        try:
            credential = self._enrol(wanted)
        except NoDerivation:
            raise invalid({"derived": ["Requires the setting OPEN_MFA_DERIVATION_SECRET."]}) from None
        except InvalidSecret as error:
            raise invalid({"secret": [sentence(error)]}) from None
        path = f"{request.path}/{credential.id.authenticator}" if self._in_collection else request.path
        document: dict[str, Any] = {
            "uri": self._provisioning.uri(credential),
            "secret": credential.secret.base32,
            **parameters_of(credential),
            "status": credential.status.value,
            "weak": credential.secret.weak,
            "qr": link(f"{path}/qr"),
            "expires_at": timestamp(credential.expires_at),
            "id": credential.id.authenticator,
            "type": credential.id.factor.value,
            "name": credential.name,
        }
        return json_response(document, 201)
