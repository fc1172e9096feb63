"""The namespaces of RFC 6030 section 1.3, and the names of algorithms that occur in files."""

from typing import Final

from domain.parameters import HashAlgorithm

PSKC: Final = "urn:ietf:params:xml:ns:keyprov:pskc"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
XENC: Final = "http://www.w3.org/2001/04/xmlenc#"
XENC11: Final = "http://www.w3.org/2009/xmlenc11#"
XINCLUDE: Final = "http://www.w3.org/2001/XInclude"
DSIG_MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"

HOTP: Final = f"{PSKC}:hotp"
"""RFC 6030 section 10.1."""
TOTP: Final = f"{PSKC}:totp"
"""The PSKC algorithm profile for RFC 6238 in the IANA registry."""
OTP_ALGORITHMS: Final = {HOTP: HOTP, f"{PSKC}#hotp": HOTP, TOTP: TOTP, f"{PSKC}#totp": TOTP}
"""Some vendors write the algorithm as a fragment, as drafts of RFC 6030 did."""
OTHER_ALGORITHMS: Final = {
    f"{PSKC}:ocra": "OCRA",
    f"{PSKC}#ocra": "OCRA",
    f"{PSKC}:pin": "a PIN",
    f"{PSKC}#pin": "a PIN",
    "http://www.yubico.com/#yubikey-aes": "Yubico OTP",
}
"""Algorithms of keys that this service can't use, for messages. Other names are not repeated, because a damaged file
may have a secret in their place."""

HASHES: Final = {
    "SHA1": HashAlgorithm.SHA1,
    "SHA256": HashAlgorithm.SHA256,
    "SHA512": HashAlgorithm.SHA512,
}

AES256_CBC: Final = f"{XENC}aes256-cbc"
CBC_KEY_BYTES: Final = {f"{XENC}aes128-cbc": 16, f"{XENC}aes192-cbc": 24, AES256_CBC: 32}
WRAP_KEY_BYTES: Final = {f"{XENC}kw-aes128": 16, f"{XENC}kw-aes192": 24, f"{XENC}kw-aes256": 32}
"""RFC 3394."""
PADDED_WRAP_KEY_BYTES: Final = {
    f"{XENC11}kw-aes-128-pad": 16,
    f"{XENC11}kw-aes-192-pad": 24,
    f"{XENC11}kw-aes-256-pad": 32,
}
"""RFC 5649."""

HMAC_SHA256: Final = f"{DSIG_MORE}hmac-sha256"
HMAC_HASHES: Final = {
    f"{DS}hmac-sha1": "sha1",
    f"{DSIG_MORE}hmac-sha1": "sha1",
    f"{DSIG_MORE}hmac-sha224": "sha224",
    HMAC_SHA256: "sha256",
    f"{DSIG_MORE}hmac-sha384": "sha384",
    f"{DSIG_MORE}hmac-sha512": "sha512",
}
PBKDF2: Final = frozenset(
    {
        "http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5#pbkdf2",
        "http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#pbkdf2",
        f"{XENC11}pbkdf2",
    }
)
"""RFC 6030 has the first name in section 6.2 and the second in figure 7. The third is that of XML Encryption 1.1."""
