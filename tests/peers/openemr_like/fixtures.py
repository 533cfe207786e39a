"""Two OpenEMRs as fixtures, for a conftest to import: one process for each package, put back before each test.

Not shared between packages: some tests count what the server was ever asked.
"""

from collections.abc import Iterator

import pytest

from tests.peers.openemr_like.process import OpenEmrLike


@pytest.fixture(scope="package")
def stock_server() -> Iterator[OpenEmrLike]:
    """A stock OpenEMR, as measured."""
    with OpenEmrLike() as server:
        yield server


@pytest.fixture(scope="package")
def module_server() -> Iterator[OpenEmrLike]:
    """An OpenEMR with our module."""
    with OpenEmrLike(has_module=True) as server:
        yield server


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
