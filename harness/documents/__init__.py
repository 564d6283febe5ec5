"""Documents for readers and for commits: Markdown and plain text made of verdicts and result files."""
