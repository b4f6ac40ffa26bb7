"""What draws attention to runs while nobody looks at the dashboard."""
