"""The use cases and the parts that the handlers of the factors need."""

from dataclasses import dataclass

from application.enrolment import Enrol
from application.issuing import IssueCode
from application.ports.clock import Clock
from application.ports.policies import Policies
from application.provisioning import Provisioning
from application.reading import Describe, DescribeAll, ShowQrCode
from application.removal import DropReplacement, Forget, Remove
from application.verification import ConfirmReplacement, Resynchronize, Verify


@dataclass(frozen=True, slots=True)
class FactorUseCases:
    """The use cases that all kinds of owners have."""

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


@dataclass(frozen=True, slots=True)
class FactorServices:
    """The parts that the handlers of all factors share.

    Attributes:
        use_cases: the use cases.
        clock: the clock.
        provisioning: builds the provisioning URI of an enrolment.
        policies: the policies, which have the parameters of a new secret if the request names none.
    """

    use_cases: FactorUseCases
    clock: Clock
    provisioning: Provisioning
    policies: Policies
