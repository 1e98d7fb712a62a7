"""What Frontdesk as a whole does on this machine: its programs as in production, and clients."""
