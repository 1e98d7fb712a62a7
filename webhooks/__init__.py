"""Outgoing webhooks: programs of an organization are told what happened, until they hear it."""
