"""The dashboard: a Textual app over the runs of a workspace, one package for each thing that a person sees."""
