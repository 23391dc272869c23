"""What pytest leaves out below `src`."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("triton") else ["likely/vocab/_triton/_tiles.py"]
