"""Which tenants a piece of work is for, and how PostgreSQL holds it to that."""
