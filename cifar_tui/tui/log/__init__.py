"""The log view and the messages that it keeps."""
