"""Servers that the tests speak to, each started once for all of them and put back after each test."""

from collections.abc import Iterator

import pytest

from tests.peers.openemr_like.process import OpenEmrLike


@pytest.fixture(scope="package")
def stock_server() -> Iterator[OpenEmrLike]:
    """A stock OpenEMR, as measured."""
    with OpenEmrLike() as ehr:
        yield ehr


@pytest.fixture(scope="package")
def module_server() -> Iterator[OpenEmrLike]:
    """An OpenEMR with our module."""
    with OpenEmrLike(has_module=True) as ehr:
        yield ehr


@pytest.fixture
def openemr(stock_server: OpenEmrLike) -> OpenEmrLike:
    """A stock OpenEMR with nothing but its seeded charts."""
    stock_server.control("reset")
    return stock_server


@pytest.fixture
def openemr_with_module(module_server: OpenEmrLike) -> OpenEmrLike:
    """An OpenEMR with our module, and nothing but its seeded charts."""
    module_server.control("reset")
    return module_server
