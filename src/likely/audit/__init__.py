"""Reports over many texts."""
