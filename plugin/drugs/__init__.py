"""The drugs that the service knows: one line each."""

from plugin.drugs import inotuzumab

DRUGS = (inotuzumab.DRUG,)
