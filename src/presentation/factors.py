"""The factors' resources. They hang under any kind of owner: who that is, is asked of an `OwnerAccess`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Protocol

from flask import Blueprint, Response, request

from application.enrolment import Enrol, EnrolRequest, IssueCode, IssueCodeRequest
from application.ports import Clock, QrFormat
from application.provisioning import Provisioning
from application.reading import Describe, DescribeAll, QrRequest, ShowQrCode
from application.removal import Forget, Remove
from application.verification import Outcome, Resynchronize, ResynchronizeRequest, Verify, VerifyRequest
from domain.credential import Credential
from domain.errors import MalformedCode
from domain.hotp import HotpCredential
from domain.owner import CredentialId, Factor, Owner
from domain.parameters import HashAlgorithm, HotpParameters, TotpParameters
from domain.totp import TotpCredential
from domain.verdict import Accepted, Locked, Reason, Rejected
from presentation import schemas
from presentation.problems import Problem, Problems, invalid
from presentation.resource import Operation, View, add, reply
from presentation.views import describe_credential, moment, parameters_of

TAGS: Final = {Factor.OTP: "One-time code", Factor.HOTP: "HOTP", Factor.TOTP: "TOTP"}
_NAMES: Final = {Factor.OTP: "a one-time code", Factor.HOTP: "a HOTP secret", Factor.TOTP: "a TOTP secret"}
_REFUSALS: Final = (Problems.CODE_REJECTED, Problems.NOT_ENROLLED, Problems.LOCKED)
_REMEDIES: Final = {
    Reason.WRONG: "The code is wrong. Send the one that the authenticator shows now, or that was issued last.",
    Reason.REPLAYED: "The code was used before. Wait for the next one, or ask for a new one.",
    Reason.EXPIRED: "The code came too late. Ask for a new one.",
}
_ENDINGS: Final = {"qr.svg": QrFormat.SVG, "qr.png": QrFormat.PNG}


class OwnerAccess(Protocol):
    """Who owns what a request is about."""

    tag: str
    """What the owner's own resource is called in the documentation."""
    lifetime: int | None
    """Seconds that an enrolment lives, None for ever."""

    absent: str
    """What to tell whoever names no owner."""

    def present(self) -> Owner | None:
        """The owner whom the request names; None when it names none, who has nothing."""

    def found(self) -> tuple[Owner, Callable[[Response], None]]:
        """The owner to enrol for, and what the answer must be given for it to be known again."""

    def dismiss(self, response: Response) -> None:
        """Everything of the owner is forgotten: the answer says so where it has to."""


@dataclass(frozen=True, slots=True)
class FactorUseCases:
    """The use cases behind the resources, wired."""

    issue: IssueCode
    enrol: Enrol
    verify: Verify
    resynchronize: Resynchronize
    describe: Describe
    describe_all: DescribeAll
    show_qr: ShowQrCode
    remove: Remove
    forget: Forget


class FactorResources:
    """All resources of one kind of owner.

    Args:
        owners: who the owner is.
        use_cases: what is done.
        clock: for how long a lock lasts still.
        provisioning: builds the provisioning URI that an enrolment shows.
        algorithm: the hash of new secrets where the request names none.
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
        checking: tuple[Callable[[], None], ...] = (),
        enrolling: tuple[Callable[[], None], ...] = (),
    ) -> None:
        self._owners = owners
        self._use_cases = use_cases
        self._clock = clock
        self._provisioning = provisioning
        self._algorithm = algorithm
        self._checking = checking
        self._enrolling = enrolling

    def blueprint(self, name: str, url_prefix: str) -> Blueprint:
        """The resources under a path."""
        blueprint = Blueprint(name, __name__, url_prefix=url_prefix)
        self._add_owner(blueprint)
        for factor in Factor:
            self._add_factor(blueprint, factor)
        return blueprint

    def _add_owner(self, blueprint: Blueprint) -> None:
        tag = self._owners.tag
        add(
            blueprint,
            "GET",
            "",
            self._show_owner,
            Operation(summary="List everything that is enrolled", tag=tag, answers={200: schemas.OwnerView()}),
        )
        add(
            blueprint,
            "DELETE",
            "",
            self._forget_owner,
            Operation(summary="Forget everything, at once", tag=tag, answers={204: None}),
        )

    def _add_factor(self, blueprint: Blueprint, factor: Factor) -> None:
        path, tag, name = f"/{factor.value}", TAGS[factor], _NAMES[factor]
        match factor:
            case Factor.OTP:
                self._add_issue(blueprint, path, tag)
                view: type[schemas.CredentialView] = schemas.OtpView
            case Factor.HOTP:
                self._add_enrol(
                    blueprint, path, tag, self._enrol_hotp, schemas.EnrolHotpBody(), schemas.HotpEnrolmentView()
                )
                self._add_secret(blueprint, factor, schemas.HotpResynchronizedView())
                view = schemas.HotpView
            case Factor.TOTP:
                self._add_enrol(
                    blueprint, path, tag, self._enrol_totp, schemas.EnrolTotpBody(), schemas.TotpEnrolmentView()
                )
                self._add_secret(blueprint, factor, schemas.TotpResynchronizedView())
                view = schemas.TotpView

        def verify(body: Mapping[str, Any]) -> Response:
            return self._verify(factor, body)

        def describe() -> Response:
            return reply(
                describe_credential(self._use_cases.describe.execute(self._existing(factor)), self._clock.now())
            )

        def remove() -> Response:
            self._use_cases.remove.execute(self._existing(factor))
            return Response(status=204)

        add(
            blueprint,
            "POST",
            f"{path}/verify",
            verify,
            Operation(
                summary=f"Verify a code of {name}",
                description="Accepted at most once. Wrong codes are counted: the fifth in a row locks the factor for "
                "30 s, each further one for twice as long, up to 15 min.",
                tag=tag,
                body=schemas.VerifyBody(),
                body_required=True,
                answers={200: schemas.VerifiedView()},
                problems=(*_REFUSALS, Problems.RATE_LIMITED),
            ),
            guards=self._checking,
        )
        add(
            blueprint,
            "GET",
            path,
            describe,
            Operation(summary=f"Describe {name}", tag=tag, answers={200: view()}, problems=(Problems.NOT_ENROLLED,)),
        )
        add(
            blueprint,
            "DELETE",
            path,
            remove,
            Operation(
                summary=f"Delete {name}",
                description="Wrong codes counted so far go on counting for whatever is enrolled in its place.",
                tag=tag,
                answers={204: None},
                problems=(Problems.NOT_ENROLLED,),
            ),
        )

    def _add_issue(self, blueprint: Blueprint, path: str, tag: str) -> None:
        add(
            blueprint,
            "POST",
            path,
            self._issue,
            Operation(
                summary="Issue a one-time code",
                description="A random code for a single use; it replaces the one before. Wrong codes counted so far go "
                "on counting, and the fifth burns the code.",
                tag=tag,
                body=schemas.IssueCodeBody(),
                answers={201: schemas.IssuedCodeView()},
                problems=(Problems.RATE_LIMITED,),
                examples={"defaults": {}, "eight digits for one minute": {"digits": 8, "lifetime": 60}},
                sets_cookie=True,
            ),
            guards=self._enrolling,
        )

    def _add_enrol(
        self,
        blueprint: Blueprint,
        path: str,
        tag: str,
        view: View,
        body: schemas.EnrolBody,
        answer: schemas.EnrolmentView,
    ) -> None:
        add(
            blueprint,
            "POST",
            path,
            view,
            Operation(
                summary="Enrol a secret",
                description="Pending until its first accepted code; the secret and the QR code are shown until then.",
                tag=tag,
                body=body,
                answers={201: answer},
                problems=(Problems.ALREADY_ENROLLED, Problems.RATE_LIMITED),
                examples={
                    "defaults": {},
                    "named": {"label": "alice@example.com", "issuer": "Example"},
                },
                sets_cookie=True,
            ),
            guards=self._enrolling,
        )

    def _add_secret(self, blueprint: Blueprint, factor: Factor, resynchronized: schemas.ResynchronizedView) -> None:
        path, tag = f"/{factor.value}", TAGS[factor]

        def resynchronize(body: Mapping[str, Any]) -> Response:
            return self._resynchronize(factor, body)

        add(
            blueprint,
            "POST",
            f"{path}/resync",
            resynchronize,
            Operation(
                summary="Bring an authenticator back in step",
                description="Two consecutive codes are searched for far beyond what `verify` accepts: 1000 counters "
                "ahead (HOTP), or 20 time steps either way (TOTP, where the drift is remembered). Both are then spent. "
                "A wrong pair counts as one wrong code.",
                tag=tag,
                body=schemas.ResynchronizeBody(),
                body_required=True,
                answers={200: resynchronized},
                problems=(*_REFUSALS, Problems.RATE_LIMITED),
            ),
            guards=self._checking,
        )

        def qr_by_accept() -> Response:
            return self._qr(factor, acceptable_picture())

        def qr_by_ending(picture: QrFormat) -> View:
            return lambda: self._qr(factor, picture)

        problems = (Problems.NOT_ENROLLED, Problems.ALREADY_CONFIRMED)
        add(
            blueprint,
            "GET",
            f"{path}/qr",
            qr_by_accept,
            Operation(
                summary="Show the QR code to scan",
                description="SVG unless the Accept header prefers PNG. Only until the first accepted code.",
                tag=tag,
                # Swagger UI asks for the first, and shows SVG as text.
                answers={200: (QrFormat.PNG, QrFormat.SVG)},
                problems=(*problems, Problems.NOT_ACCEPTABLE),
            ),
        )
        for ending, picture in _ENDINGS.items():
            add(
                blueprint,
                "GET",
                f"{path}/{ending}",
                qr_by_ending(picture),
                Operation(
                    summary=f"Show the QR code as {picture.name}",
                    tag=tag,
                    answers={200: (picture.value,)},
                    problems=problems,
                ),
            )

    def _existing(self, factor: Factor) -> CredentialId:
        owner = self._owners.present()
        if owner is None:
            raise Problem(Problems.NOT_ENROLLED, self._owners.absent)
        return CredentialId(owner, factor)

    def _show_owner(self) -> Response:
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

    def _forget_owner(self) -> Response:
        owner = self._owners.present()
        if owner is not None:
            self._use_cases.forget.execute(owner)
        response = Response(status=204)
        self._owners.dismiss(response)
        return response

    def _issue(self, body: Mapping[str, Any]) -> Response:
        owner, remember = self._owners.found()
        issued = self._use_cases.issue.execute(
            IssueCodeRequest(owner, self._owners.lifetime, body["digits"], body["lifetime"])
        )
        response = reply(
            {
                "code": issued.code.digits,
                "digits": issued.record.digits,
                "expires_at": moment(issued.record.code_expires_at),
                "delivery": {"channel": schemas.RESPONSE_CHANNEL},
            },
            201,
        )
        remember(response)
        return response

    def _enrol_hotp(self, body: Mapping[str, Any]) -> Response:
        parameters = HotpParameters(body.get("algorithm", self._algorithm), body["digits"], body["look_ahead"])
        return self._enrol(parameters, body, body["initial_counter"])

    def _enrol_totp(self, body: Mapping[str, Any]) -> Response:
        parameters = TotpParameters(
            body.get("algorithm", self._algorithm), body["digits"], body["interval"], body["window"]
        )
        return self._enrol(parameters, body)

    def _enrol(
        self, parameters: HotpParameters | TotpParameters, body: Mapping[str, Any], initial_counter: int = 0
    ) -> Response:
        owner, remember = self._owners.found()
        credential = self._use_cases.enrol.execute(
            EnrolRequest(
                owner,
                self._owners.lifetime,
                parameters,
                initial_counter,
                body.get("label"),
                body.get("issuer"),
                body.get("secret"),
            )
        )
        response = reply(
            {
                "uri": self._provisioning.uri(credential),
                "secret": credential.secret.base32,
                **parameters_of(credential),
                "status": credential.status.value,
                "qr": f"{request.path}/qr",
                "expires_at": moment(credential.expires_at),
            },
            201,
        )
        remember(response)
        return response

    def _verify(self, factor: Factor, body: Mapping[str, Any]) -> Response:
        try:
            outcome = self._use_cases.verify.execute(VerifyRequest(self._existing(factor), body["code"]))
        except MalformedCode as error:
            raise invalid({"code": [f"This factor's codes {error}."]}) from None
        credential = self._accepted(outcome)
        return reply({"verified": True, "factor": factor.value, "status": credential.status.value})

    def _resynchronize(self, factor: Factor, body: Mapping[str, Any]) -> Response:
        first, second = body["codes"]
        try:
            outcome = self._use_cases.resynchronize.execute(ResynchronizeRequest(self._existing(factor), first, second))
        except MalformedCode as error:
            raise invalid({"codes": [f"This factor's codes {error}."]}) from None
        credential = self._accepted(outcome)
        document: dict[str, Any] = {
            "resynchronized": True,
            "factor": factor.value,
            "status": credential.status.value,
        }
        match credential:
            case HotpCredential():
                document["counter"] = credential.counter
            case TotpCredential():
                document["drift"] = credential.drift
        return reply(document)

    def _accepted(self, outcome: Outcome) -> Credential:
        """The credential whose code was accepted; every other outcome is a problem, and so never a 2xx."""
        if not isinstance(outcome.verdict, Accepted) or not isinstance(outcome.content, Credential):
            self._refuse(outcome)
        return outcome.content

    def _refuse(self, outcome: Outcome) -> NoReturn:
        match outcome.verdict:
            case Locked(until):
                wait = max(1, until - self._clock.now())
                raise Problem(
                    Problems.LOCKED,
                    f"Too many wrong codes: try again in {wait} s.",
                    {"locked_until": moment(until)},
                    {"Retry-After": str(wait)},
                )
            case Rejected(reason, attempts_left):
                members: dict[str, Any] = {"reason": reason.value, "attempts_left": attempts_left}
                headers = {}
                until = outcome.content.failures.locked_until
                wait = until - self._clock.now()
                if reason is Reason.WRONG and wait > 0:
                    members["locked_until"] = moment(until)
                    headers["Retry-After"] = str(wait)
                raise Problem(Problems.CODE_REJECTED, _REMEDIES[reason], members, headers)
        raise TypeError(type(outcome.verdict).__name__)

    def _qr(self, factor: Factor, picture: QrFormat) -> Response:
        image = self._use_cases.show_qr.execute(QrRequest(self._existing(factor), picture))
        response = Response(image, mimetype=picture.value)
        response.vary.add("Accept")
        return response


def acceptable_picture() -> QrFormat:
    """What the Accept header prefers (RFC 9110 section 12.5.1), SVG where it has no preference."""
    best = request.accept_mimetypes.best_match(list(QrFormat)) if request.accept_mimetypes else QrFormat.SVG
    if best is None:
        raise Problem(Problems.NOT_ACCEPTABLE)
    return QrFormat(best)
