"""Pieces of URLs that parsers may read differently."""

URL_PIECES = (
    *("https://", "https:", "http://", "HTTPS://", "//", "/", "\\", "/\\", ":", "@", "?", "#", ".", "..", "%2f", "%5c"),
    *("%00", "%09", "%0a", "%2e", "%40", "\t", "\n", "\r", " ", "\x00", "\x7f", "\u3002", "\uff0f", "\u00ad", "\u2028"),
    *(
        "example.com",
        ".example.com",
        "app",
        "evil.example",
        "com",
        "xn--",
        "xn--a",
        "[::1]",
        "127.1",
        "0x7f",
        "443",
        ":8443",
    ),
    *("65536", "a", "A", "\u0430", "\u00e9", "\u212a", "-", "_", "auth/logout", "~", ";", "&", "=", "javascript:"),
)
