"""Servers that the tests speak to, each started once for all of them and put back after each test."""

from tests.peers.openemr_like.fixtures import module_server, openemr, openemr_with_module, stock_server

__all__ = ["module_server", "openemr", "openemr_with_module", "stock_server"]
