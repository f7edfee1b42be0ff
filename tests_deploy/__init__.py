"""The ways to where the server runs: its image, its compose file, Lightsail."""
