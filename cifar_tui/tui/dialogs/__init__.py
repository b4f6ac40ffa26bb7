"""Modal screens: questions, forms, the help and the command palette."""
