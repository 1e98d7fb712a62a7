"""Who looked at what and who changed it: entries that nobody can change unseen."""
