"""What is sent to people who do not look: how a run ended, and what its health check has found."""
