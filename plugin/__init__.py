"""Checks orders for inotuzumab ozogamicin against its label, as a CDS Hooks service."""

__version__ = "0.1.0"
