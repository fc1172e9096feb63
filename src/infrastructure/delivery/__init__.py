"""Delivery of one-time codes: by e-mail, and by a webhook to whoever can send what this service can't."""
