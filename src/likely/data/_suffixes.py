"""Which suffixes are read, and as what."""

# fmt: off
_PROSE = {
    ".adoc", ".asc", ".bib", ".markdown", ".md", ".org", ".rst", ".srt", ".tex", ".text", ".txt",
}
_CODE = {
    ".c", ".cc", ".cpp", ".cs", ".f90", ".go", ".h", ".hpp", ".hs", ".java", ".jl", ".js", ".kt",
    ".lua", ".m", ".ml", ".php", ".pl", ".py", ".pyi", ".r", ".rb", ".rs", ".scala", ".sh",
    ".sql", ".swift", ".ts",
}
_DATA = {
    ".cfg", ".conf", ".css", ".csv", ".htm", ".html", ".ini", ".json", ".jsonl", ".ndjson",
    ".toml", ".tsv", ".xml", ".yaml", ".yml",
}
# fmt: on
TEXT_SUFFIXES = frozenset(_PROSE | _CODE | _DATA)
"""Suffixes of files that are text."""

TABLES = {
    ".parquet": "Parquet",
    ".arrow": "Arrow",
    ".feather": "Arrow",
    ".ipc": "Arrow",
}
"""Suffixes of files with rows and columns, and what the format is called."""

LINES = frozenset({".jsonl", ".ndjson"})
"""Suffixes of files with one JSON object a line."""

READ = TEXT_SUFFIXES | TABLES.keys()
"""What is read of a folder."""
