"""What `scripts/make_docs.py` is made of: generated pages, and the site."""
