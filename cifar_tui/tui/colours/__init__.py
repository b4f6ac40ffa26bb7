"""The colours of the dashboard's themes, chosen so that they look alike in 256 colours and in 16 million."""
