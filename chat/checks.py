"""What `manage.py check` asks of this app."""
