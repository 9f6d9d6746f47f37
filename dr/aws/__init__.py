"""Amazon's services other than S3: the one room besides ``dr.storage`` that imports boto3."""
