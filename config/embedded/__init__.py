"""PostgreSQL and Valkey from Python wheels, for a machine on which neither is set up.

`urls` says how to reach the services of a var folder and starts nothing; `EmbeddedServices` runs
them.
"""

from config.embedded.layout import EmbeddedError, Urls, urls, var_folder
from config.embedded.services import EmbeddedServices, erase

__all__ = ["EmbeddedError", "EmbeddedServices", "Urls", "erase", "urls", "var_folder"]
