"""Reports on a run and on several: Markdown, HTML, CSV and plots."""
