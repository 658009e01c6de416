"""What is measured rather than asserted. Each script is one command, see README.md beside it."""
