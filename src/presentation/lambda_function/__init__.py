"""The service as an AWS Lambda function: an event is a request, and nothing happens after its response (ADR 37)."""
