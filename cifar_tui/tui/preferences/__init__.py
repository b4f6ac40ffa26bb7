"""What a person has set of the dashboard: kept in a file, and what is made of it."""
