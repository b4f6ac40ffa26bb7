"""The dashboard: a Textual app over the runs of a session, one file a panel, one stylesheet."""
