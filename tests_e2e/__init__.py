"""The real page in a real browser against the real server: `make test` runs this after all else."""
