"""The channels that send one-time codes."""

from collections.abc import Mapping
from dataclasses import dataclass

from application.ports.clock import Clock
from application.ports.delivery import Channel, Delivery
from infrastructure.delivery.channel import ChannelSettings, DeliveryProfile
from infrastructure.delivery.mail_address import Sender, check_recipient
from infrastructure.delivery.mail_template import Template
from infrastructure.delivery.mail_texts import MailTexts, texts_in_files
from infrastructure.delivery.smtp import EmailDelivery, SmtpServer
from infrastructure.delivery.webhook import Webhook, check_webhook_recipient
from infrastructure.settings.declaration import setting
from infrastructure.settings.parsers import checked_by, utf8


@dataclass(frozen=True, slots=True)
class Mail(ChannelSettings):
    """The service can send one-time codes by e-mail. Set the URL and the sender, or neither.

    `OPEN_MFA_SMTP_URL` is `smtp://host` (no TLS, port 25), `smtps://host` (TLS, port 465) or `smtp+starttls://host`
    (STARTTLS, port 587). `user:password@` may precede the host, percent-encoded; `:port` may follow it.
    `?ssl_ca_certs=/path` names a PEM file with the only trusted authorities.

    A template is a text file in UTF-8. Its first line is `Subject: …`, its second line is empty. One line of the text
    consists of `$code`. `$issuer` and `$minutes` may appear anywhere. See also: [choose the
    languages](../how-to/choose-the-languages.md).
    """

    channel = Channel.EMAIL
    url_variable = "OPEN_MFA_SMTP_URL"
    encrypted_schemes = "smtps:// or smtp+starttls://"

    server: SmtpServer = setting(
        "OPEN_MFA_SMTP_URL",
        SmtpServer.parse,
        "The mail server: `smtp://`, `smtps://` or `smtp+starttls://` with `user:password@host:port`.",
        absence="none: no e-mail",
        required=True,
        secret=True,
    )
    sender: str = setting(
        "OPEN_MFA_MAIL_FROM",
        checked_by(Sender.parse),
        'The sender: `mfa@example.com`, `Shop <mfa@example.com>` or `"Shop, Inc." <mfa@example.com>`. The domain may be'
        " internationalized.",
        absence="none: no e-mail",
        required=True,
    )
    template: Template | None = setting(
        "OPEN_MFA_MAIL_TEMPLATE",
        Template.load,
        "The path of a file with the text of the mail, in the language of `OPEN_MFA_LANGUAGE`.",
        absence="none: the built-in text",
    )
    languages: Mapping[str, Template] | None = setting(
        "OPEN_MFA_MAIL_LANGUAGES",
        texts_in_files,
        "Texts in further languages: `fr=/path/mail.fr.txt`, separated by commas. They replace built-in texts.",
        absence="none: the built-in texts in English and German",
    )

    def texts(self, profile: DeliveryProfile) -> MailTexts:
        """Return the texts of the mail."""
        own = {} if self.template is None else {profile.language: self.template}
        service = MailTexts.built_in(profile.language).with_own({**(self.languages or {}), **own})
        return service.with_own(profile.mail_texts, profile.mail_language)

    def delivery(self, profile: DeliveryProfile, clock: Clock) -> Delivery:  # noqa: ARG002 - mail needs no clock
        sender = profile.mail_from or self.sender
        return EmailDelivery(self.server, sender, self.texts(profile), profile.issuer)

    def check_recipient(self, to: str) -> str:
        return check_recipient(to)

    @property
    def is_unencrypted(self) -> bool:
        """Whether others can read codes, addresses and the password on their way to the server."""
        return self.server.is_unencrypted


@dataclass(frozen=True, slots=True)
class WebhookReceiver(ChannelSettings):
    """The service can send one-time codes to a webhook. Set both variables or neither."""

    channel = Channel.WEBHOOK
    url_variable = "OPEN_MFA_WEBHOOK_URL"
    encrypted_schemes = "https://"

    url: str = setting(
        "OPEN_MFA_WEBHOOK_URL",
        Webhook.check_url,
        "The URL that receives the codes by `POST`.",
        absence="none: no webhook",
        required=True,
        secret=True,
    )
    secret: str = setting(
        "OPEN_MFA_WEBHOOK_SECRET",
        utf8,
        "Signs the requests to the webhook. Use at least 32 random characters.",
        absence="none: no webhook",
        required=True,
        secret=True,
    )

    def delivery(self, profile: DeliveryProfile, clock: Clock) -> Delivery:  # noqa: ARG002 - it knows the profile
        return Webhook(self.url, self.secret, clock)

    def check_recipient(self, to: str) -> str:
        return check_webhook_recipient(to)

    @property
    def is_unencrypted(self) -> bool:
        """Whether others can read codes and recipients on their way to the receiver."""
        return Webhook.is_unencrypted(self.url)

    @property
    def secrets(self) -> Mapping[str, str]:
        """The secret that signs requests."""
        return {"OPEN_MFA_WEBHOOK_SECRET": self.secret}
