"""The release file `sluice.yaml`: read with line and column, checked as a whole, resolved to a plan per target."""
