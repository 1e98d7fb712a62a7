"""Logins: people's tokens, programs' API keys, lock-out, rate limits, and who is given access."""
