"""The factors' resources. They hang under any kind of owner: who that is, is asked of an `OwnerAccess`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, assert_never

from flask import Blueprint, Response, request

from application.enrolment import Enrol, EnrolRequest
from application.errors import DeliveryFailed, InvalidRecipient, NoDerivation, TooManySends, UnsupportedDelivery
from application.issuing import IssueCode, IssueCodeRequest
from application.ports.clock import Clock
from application.ports.delivery import Channel
from application.ports.qr_code import QrFormat
from application.provisioning import Provisioning
from application.reading import Describe, DescribeAll, QrRequest, ShowQrCode
from application.removal import DropReplacement, Forget, Remove
from application.verification import ConfirmReplacement, Resynchronize, ResynchronizeRequest, Verify, VerifyRequest
from domain.errors import InvalidSecret, MalformedCode
from domain.hotp import HotpCredential
from domain.owner import Factor
from domain.parameters import HashAlgorithm, HotpParameters, TotpParameters
from domain.totp import TotpCredential
from presentation.http import schemas
from presentation.http.factors.owner_access import Guards, OwnerAccess, OwnerResources
from presentation.http.factors.serializers import describe_credential, moment, parameters_of
from presentation.http.factors.verdict_problems import REFUSALS, accepted
from presentation.http.framework.client_address import network_of
from presentation.http.framework.endpoint import JSON, Operation, View, reply
from presentation.http.framework.links import link
from presentation.http.framework.problems import MEDIA_TYPE, Problem, Problems, invalid, sentence

TAGS: Final = {Factor.TOTP: "TOTP", Factor.HOTP: "HOTP", Factor.OTP: "one-time code"}
"""In the order of the documentation."""
OCTETS: Final = "application/octet-stream"
"""A picture for clients that know no media types of pictures."""
_ENDINGS: Final = {"qr.svg": QrFormat.SVG, "qr.png": QrFormat.PNG}


@dataclass(frozen=True, slots=True)
class FactorUseCases:
    """The use cases behind the resources, wired."""

    issue: IssueCode
    enrol: Enrol
    verify: Verify
    resynchronize: Resynchronize
    confirm_replacement: ConfirmReplacement
    drop_replacement: DropReplacement
    describe: Describe
    describe_all: DescribeAll
    show_qr: ShowQrCode
    remove: Remove
    forget: Forget


class FactorResources(OwnerResources):
    """The resources that every owner has, and the factors of one.

    Args:
        owners: who the owner is.
        use_cases: what is done.
        clock: for how long a lock lasts still.
        provisioning: builds the provisioning URI that an enrolment shows.
        algorithm: the hash of new secrets where the request names none.
        totp_body: what a new TOTP secret is asked for with.
        checking: what a submitted code must pass before it is judged, such as a rate limit.
        enrolling: what whoever enrols must pass.
    """

    def __init__(
        self,
        owners: OwnerAccess,
        use_cases: FactorUseCases,
        clock: Clock,
        provisioning: Provisioning,
        algorithm: HashAlgorithm,
        totp_body: schemas.EnrolTotpBody,
        checking: Guards = (),
        enrolling: Guards = (),
    ) -> None:
        super().__init__(owners)
        self._use_cases = use_cases
        self._clock = clock
        self._provisioning = provisioning
        self._algorithm = algorithm
        self._totp_body = totp_body
        self._checking = checking
        self._enrolling = enrolling

    def blueprint(self, name: str, url_prefix: str) -> Blueprint:
        """The resources under a path."""
        blueprint = Blueprint(name, __name__, url_prefix=url_prefix)
        self._add_forget(blueprint)
        for factor in TAGS:
            self._add_factor(blueprint, factor)
        return blueprint

    def _add_forget(self, blueprint: Blueprint) -> None:
        operation = Operation(
            summary="Forget everything, at once", tag=self._owners.tag, answers={204: None}, anonymous=True
        )
        self.add(blueprint, "DELETE", "", self._forget_owner, operation)

    def _add_factor(self, blueprint: Blueprint, factor: Factor) -> None:
        tag = f"{self._owners.tag}: {TAGS[factor]}"
        match factor:
            case Factor.OTP:
                self._add_issue(blueprint, tag)
                view: type[schemas.CredentialView] = schemas.OtpView
            case Factor.HOTP:
                self._add_secret(
                    blueprint,
                    factor,
                    tag,
                    self._enrol_hotp,
                    schemas.EnrolHotpBody(),
                    schemas.HotpEnrolmentView(),
                    schemas.HotpResynchronizedView(),
                )
                view = schemas.HotpView
            case _:
                self._add_secret(
                    blueprint,
                    factor,
                    tag,
                    self._enrol_totp,
                    self._totp_body,
                    schemas.TotpEnrolmentView(),
                    schemas.TotpResynchronizedView(),
                )
                view = schemas.TotpView

        def verify(body: Mapping[str, Any]) -> Response:
            return self._verify(self._use_cases.verify, factor, body)

        self._add_check(
            blueprint,
            f"/{factor.value}/verify",
            verify,
            Operation(
                summary="Verify a code",
                description="Accepted at most once. Wrong codes are counted: the fifth in a row locks the factor for "
                "30 s, each further one for twice as long, up to 15 min.",
                tag=tag,
                body=schemas.VerifyBody(),
                answers={200: schemas.VerifiedView()},
            ),
        )
        self.add_reading(blueprint, factor, tag, view())

    def add_reading(self, blueprint: Blueprint, factor: Factor, tag: str, view: schemas.CredentialView) -> None:
        """Describing and deleting, which every factor has."""

        def describe() -> Response:
            return reply(
                describe_credential(self._use_cases.describe.execute(self.existing(factor)), self._clock.now())
            )

        def remove() -> Response:
            self._use_cases.remove.execute(self.existing(factor))
            return Response(status=204)

        path, problems = f"/{factor.value}", (Problems.NOT_ENROLLED,)
        operation = Operation(summary="Describe it", tag=tag, answers={200: view}, problems=problems)
        self.add(blueprint, "GET", path, describe, operation)
        operation = Operation(
            summary="Delete it",
            description="Wrong codes counted so far go on counting for whatever is enrolled in its place.",
            tag=tag,
            answers={204: None},
            problems=problems,
        )
        self.add(blueprint, "DELETE", path, remove, operation)

    def _add_check(self, blueprint: Blueprint, path: str, view: View, operation: Operation) -> None:
        """Adds what judges a code."""
        limited = (Problems.RATE_LIMITED,) if self._checking else ()
        operation = replace(operation, body_required=True, problems=(*REFUSALS, *limited))
        self.add(blueprint, "POST", path, view, operation, self._checking)

    def _add_issue(self, blueprint: Blueprint, tag: str) -> None:
        operation = Operation(
            summary="Issue a code",
            description="A random code for a single use; it replaces the one before. Wrong codes counted so far go "
            "on counting, and the fifth burns the code. At most 5 codes in 10 minutes are sent to one "
            "recipient, however it is spelled, and a limited number in an hour to all of them.",
            tag=tag,
            body=schemas.IssueCodeBody(),
            answers={201: schemas.IssuedCodeView()},
            problems=(Problems.RATE_LIMITED, Problems.DELIVERY_FAILED),
            examples={"defaults": {}, "eight digits for one minute": {"digits": 8, "lifetime": 60}},
            sets_cookie=self._owners.sets_cookie,
            anonymous=True,
        )
        self.add(blueprint, "POST", f"/{Factor.OTP.value}", self._issue, operation, self._enrolling)

    def _add_secret(
        self,
        blueprint: Blueprint,
        factor: Factor,
        tag: str,
        enrol: View,
        body: schemas.EnrolBody,
        answer: schemas.EnrolmentView,
        resynchronized: schemas.ResynchronizedView,
    ) -> None:
        path = f"/{factor.value}"
        limited = (Problems.RATE_LIMITED,) if self._enrolling else ()
        operation = Operation(
            summary="Enrol a secret",
            description="Pending until its first accepted code; the secret and the QR code are shown until then.",
            tag=tag,
            body=body,
            answers={201: answer},
            problems=(Problems.ALREADY_ENROLLED, *limited),
            examples={"defaults": {}, "named": {"label": "alice@example.com", "issuer": "Example"}},
            sets_cookie=self._owners.sets_cookie,
            anonymous=True,
        )
        self.add(blueprint, "POST", path, enrol, operation, self._enrolling)

        def resynchronize(body: Mapping[str, Any]) -> Response:
            return self._resynchronize(factor, body)

        self._add_check(
            blueprint,
            f"{path}/resync",
            resynchronize,
            Operation(
                summary="Bring an authenticator back in step",
                description="Two consecutive codes are searched for far beyond what `verify` accepts: 1000 counters "
                "ahead (HOTP), or 20 time steps either way (TOTP, where the drift is remembered). Both are then spent. "
                "A wrong pair counts as one wrong code.",
                tag=tag,
                body=schemas.ResynchronizeBody(),
                answers={200: resynchronized},
            ),
        )
        self._add_pictures(blueprint, factor, tag, path)
        self._add_replacement(blueprint, factor, tag, f"{path}/replacement", enrol, body, answer)

    def _add_replacement(
        self,
        blueprint: Blueprint,
        factor: Factor,
        tag: str,
        path: str,
        enrol: View,
        body: schemas.EnrolBody,
        answer: schemas.EnrolmentView,
    ) -> None:
        limited = (Problems.RATE_LIMITED,) if self._enrolling else ()
        operation = Operation(
            summary="Enrol a new secret beside the confirmed one",
            description="The confirmed one keeps working until the first code of the new one is accepted, which swaps "
            "them in one step. Without that, the new one is gone after 60 minutes.",
            tag=tag,
            body=body,
            answers={201: answer},
            problems=(Problems.NOT_ENROLLED, Problems.ALREADY_ENROLLED, *limited),
            examples={"defaults": {}},
        )
        self.add(blueprint, "POST", path, partial(enrol, replacing=True), operation, self._enrolling)

        def verify(body: Mapping[str, Any]) -> Response:
            return self._verify(self._use_cases.confirm_replacement, factor, body)

        def drop() -> Response:
            self._use_cases.drop_replacement.execute(self.existing(factor))
            return Response(status=204)

        self._add_check(
            blueprint,
            f"{path}/verify",
            verify,
            Operation(
                summary="Verify a code of the new secret, and swap",
                description="Wrong codes count as they do for the factor itself.",
                tag=tag,
                body=schemas.VerifyBody(),
                answers={200: schemas.VerifiedView()},
            ),
        )
        operation = Operation(
            summary="Drop the new secret", tag=tag, answers={204: None}, problems=(Problems.NOT_ENROLLED,)
        )
        self.add(blueprint, "DELETE", path, drop, operation)
        self._add_pictures(blueprint, factor, tag, path, replacement=True)

    def _add_pictures(
        self, blueprint: Blueprint, factor: Factor, tag: str, path: str, *, replacement: bool = False
    ) -> None:
        def by_accept() -> Response:
            media_type = acceptable((*QrFormat, OCTETS))
            if media_type is None:
                raise Problem(Problems.NOT_ACCEPTABLE)
            picture = QrFormat.PNG if media_type == OCTETS else QrFormat(media_type)
            return self._qr(factor, picture, media_type, replacement=replacement)

        def by_ending(picture: QrFormat) -> View:
            return lambda: self._qr(factor, picture, acceptable((picture, OCTETS)) or picture, replacement=replacement)

        of_what = "the new secret" if replacement else "the secret"
        problems = [Problems.NOT_ENROLLED]
        if not replacement:
            # A replacement can't be confirmed already: its first accepted code makes it the secret.
            problems.append(Problems.ALREADY_CONFIRMED)
        if self._enrolling:
            # A picture takes much more CPU time than any other answer.
            problems.append(Problems.RATE_LIMITED)
        operation = Operation(
            summary=f"Show the QR code of {of_what}",
            description="SVG unless the Accept header prefers PNG. A client that accepts only "
            "`application/octet-stream` gets PNG. Only until the first accepted code.",
            tag=tag,
            # Swagger UI asks for the first, and shows SVG as text.
            answers={200: (QrFormat.PNG, QrFormat.SVG, OCTETS)},
            problems=(*problems, Problems.NOT_ACCEPTABLE),
        )
        self.add(blueprint, "GET", f"{path}/qr", by_accept, operation, self._enrolling)
        for ending, picture in _ENDINGS.items():
            operation = Operation(
                summary=f"Show the QR code of {of_what} as {picture.name}",
                tag=tag,
                answers={200: (picture.value, OCTETS)},
                problems=tuple(problems),
            )
            self.add(blueprint, "GET", f"{path}/{ending}", by_ending(picture), operation, self._enrolling)

    def _forget_owner(self) -> Response:
        owner = self._owners.present()
        if owner is not None:
            self._use_cases.forget.execute(owner)
        response = Response(status=204)
        self._owners.dismiss(response)
        return response

    def _issue(self, body: Mapping[str, Any]) -> Response:
        owner, remember = self._owners.found()
        channel: Channel = body["delivery"]["channel"]
        if channel is not Channel.RESPONSE:
            # Whoever may ask for mail to strangers is held to the tighter limit.
            for guard in self._checking:
                guard()
        wanted = IssueCodeRequest(
            owner,
            self._owners.lifetime,
            body["digits"],
            body["lifetime"],
            channel,
            body["delivery"].get("to", ""),
            network_of(request.remote_addr),
        )
        try:
            issued = self._use_cases.issue.execute(wanted)
        except UnsupportedDelivery:
            raise invalid({"delivery.channel": ["This channel is not set up."]}) from None
        except InvalidRecipient as error:
            raise invalid({"delivery.to": [sentence(error)]}) from None
        except TooManySends as error:
            wait = str(error.wait)
            detail = f"Too many codes were sent to this recipient, or to all of them. Try again in {wait} s."
            raise Problem(Problems.RATE_LIMITED, detail, headers={"Retry-After": wait}) from None
        except DeliveryFailed:
            raise Problem(Problems.DELIVERY_FAILED) from None
        document: dict[str, Any] = {} if channel is not Channel.RESPONSE else {"code": issued.code.text}
        document |= {
            "digits": issued.credential.code_digits,
            "expires_at": moment(issued.credential.code_expires_at),
            "delivery": {"channel": channel.value},
        }
        response = reply(document, 201)
        remember(response)
        return response

    def _enrol_hotp(self, body: Mapping[str, Any], *, replacing: bool = False) -> Response:
        parameters = HotpParameters(body.get("algorithm", self._algorithm), body["digits"], body["look_ahead"])
        return self._enrol(parameters, body, body["initial_counter"], replacing=replacing)

    def _enrol_totp(self, body: Mapping[str, Any], *, replacing: bool = False) -> Response:
        parameters = TotpParameters(
            body.get("algorithm", self._algorithm), body["digits"], body["interval"], body["window"]
        )
        return self._enrol(parameters, body, replacing=replacing)

    def _enrol(
        self,
        parameters: HotpParameters | TotpParameters,
        body: Mapping[str, Any],
        initial_counter: int = 0,
        *,
        replacing: bool,
    ) -> Response:
        owner, remember = self._owners.found()
        wanted = EnrolRequest(
            owner,
            self._owners.lifetime,
            parameters,
            initial_counter,
            body.get("label"),
            body.get("issuer"),
            body.get("secret"),
            body.get("derived", False),
        )
        enrol = self._use_cases.enrol
        try:
            credential = enrol.replace(wanted) if replacing else enrol.execute(wanted)
        except NoDerivation:
            raise invalid({"derived": ["Needs OPEN_MFA_DERIVATION_SECRET to be set."]}) from None
        except InvalidSecret as error:
            raise invalid({"secret": [sentence(error)]}) from None
        document = {
            "uri": self._provisioning.uri(credential),
            "secret": credential.secret.base32,
            **parameters_of(credential),
            "status": credential.status.value,
            "qr": link(f"{request.path}/qr"),
            "expires_at": moment(credential.expires_at),
        }
        response = reply(document, 201)
        if not replacing:
            remember(response)
        return response

    def _verify(self, use_case: Verify | ConfirmReplacement, factor: Factor, body: Mapping[str, Any]) -> Response:
        try:
            outcome = use_case.execute(VerifyRequest(self.existing(factor), body["code"]))
        except MalformedCode as error:
            raise invalid({"code": [f"This factor's codes {error}."]}) from None
        status = accepted(outcome, self._clock).status
        return reply({"verified": True, "factor": factor.value, "status": status.value})

    def _resynchronize(self, factor: Factor, body: Mapping[str, Any]) -> Response:
        first, second = body["codes"]
        try:
            outcome = self._use_cases.resynchronize.execute(ResynchronizeRequest(self.existing(factor), first, second))
        except MalformedCode as error:
            raise invalid({"codes": [f"This factor's codes {error}."]}) from None
        document: dict[str, Any] = {"resynchronized": True, "factor": factor.value}
        match accepted(outcome, self._clock):
            case HotpCredential() as credential:
                document |= {"status": credential.status.value, "counter": credential.counter}
            case TotpCredential() as credential:
                document |= {"status": credential.status.value, "drift": credential.drift}
            case credential:
                assert_never(credential)
        return reply(document)

    def _qr(self, factor: Factor, picture: QrFormat, media_type: str, *, replacement: bool) -> Response:
        image = self._use_cases.show_qr.execute(QrRequest(self.existing(factor), picture, replacement))
        response = Response(image, mimetype=media_type)
        response.vary.add("Accept")
        return response


class SessionResources(FactorResources):
    """What a session has besides: a list of it all."""

    def blueprint(self, name: str, url_prefix: str) -> Blueprint:
        """The resources under a path."""
        blueprint = super().blueprint(name, url_prefix)
        operation = Operation(
            summary="List everything that is enrolled",
            tag=self._owners.tag,
            answers={200: schemas.OwnerView()},
            anonymous=True,
        )
        self.add(blueprint, "GET", "", self._show, operation)
        return blueprint

    def _show(self) -> Response:
        owner = self._owners.present()
        credentials = [] if owner is None else self._use_cases.describe_all.execute(owner)
        now = self._clock.now()
        ends = [credential.expires_at for credential in credentials if credential.expires_at is not None]
        return reply(
            {
                "factors": [describe_credential(credential, now) for credential in credentials],
                "expires_at": moment(max(ends, default=None)),
            }
        )


def acceptable(media_types: Sequence[str]) -> str | None:
    """Return the media type that the Accept header prefers (RFC 9110 section 12.5.1); None if it accepts none of them.

    Without a preference, the first one is returned. The same holds for a client that accepts problem documents or JSON
    but none of the media types: some generated clients send a header that names only the media type of errors.
    """
    header = request.accept_mimetypes
    best = header.best_match(media_types) if header else media_types[0]
    if best is None and (header.quality(MEDIA_TYPE) or header.quality(JSON)):
        return media_types[0]
    return best
