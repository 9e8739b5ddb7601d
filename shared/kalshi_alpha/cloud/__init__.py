"""DynamoDB, artifacts, Secrets Manager: the only room with boto3."""
