"""The ways to reach a text-generation model; one file each."""
