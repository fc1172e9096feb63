"""The client of DynamoDB: every call ends before the deadline."""
