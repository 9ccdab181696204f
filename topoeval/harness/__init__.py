"""Methods x datasets x seeds from one TOML file; every run isolated, its failure a row."""
