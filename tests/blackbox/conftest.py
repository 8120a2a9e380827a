"""Fixtures shared by all black-box tests."""

import os

import pytest

from support.server import Site, program


def pytest_configure():
    if not os.access(program(), os.X_OK):
        pytest.exit("no program to test: %s (build it, or set GUNICORN)" % program(), 2)


@pytest.fixture
def site():
    """A directory of its own with a way to start servers in it."""
    instance = Site()
    yield instance
    instance.close()


@pytest.fixture(scope="module")
def shared_site():
    """The same, shared by the tests of a file that only read."""
    instance = Site()
    yield instance
    instance.close()
