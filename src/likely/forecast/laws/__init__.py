"""One law a file: what is measured by position, what is fitted by keyword without a default."""
