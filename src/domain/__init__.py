"""The rules of second factors, in the words of RFC 4226 and RFC 6238.

Pure Python: nothing here reads a clock, draws randomness, logs or knows how anything is stored.
"""
