"""What the dashboard runs on: background threads, the inbox of messages, signals, captured prints."""
