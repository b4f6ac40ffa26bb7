"""What the operating system is asked for, so that it is safe: files in folders that others may have filled."""
