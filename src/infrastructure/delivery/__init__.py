"""The channels that send one-time codes: e-mail, and webhooks for every other way."""
