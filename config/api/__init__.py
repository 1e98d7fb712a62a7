"""What all of the REST API shares: the error envelope, paging and the schema."""
