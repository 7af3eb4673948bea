"""How the store came to look as it does, one step a file in `versions`; Alembic runs what is missing."""
