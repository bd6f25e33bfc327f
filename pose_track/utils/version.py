"""The version of the package, which results, weights and downloads carry."""

__version__ = "0.1.0"
