"""What this machine is, and what a job costs on it."""
