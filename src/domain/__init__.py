"""The rules of second factors, in the terms of RFC 4226 and RFC 6238.

The domain is pure Python: it reads no clock, draws no random values, logs nothing and knows no storage.
"""
