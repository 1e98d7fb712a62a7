"""The demonstration: an invented organization, and one booking made through the REST API."""
