"""The state of the service in one table of Amazon DynamoDB."""
