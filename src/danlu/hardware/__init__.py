"""What this machine is, and how its threads wait for each other."""
