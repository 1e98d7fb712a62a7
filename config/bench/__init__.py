"""What `manage.py bench` measures, each on servers of its own that it deletes."""
