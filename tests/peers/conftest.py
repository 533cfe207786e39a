"""Servers that tests speak to, each started once per module."""

from collections.abc import Iterator

import pytest

from tests.peers.openemr_like.process import OpenEmrLike


@pytest.fixture(scope="module")
def openemr() -> Iterator[OpenEmrLike]:
    """A stock OpenEMR, as measured."""
    with OpenEmrLike() as ehr:
        yield ehr


@pytest.fixture(scope="module")
def openemr_with_module() -> Iterator[OpenEmrLike]:
    """An OpenEMR with our module."""
    with OpenEmrLike(has_module=True) as ehr:
        yield ehr
