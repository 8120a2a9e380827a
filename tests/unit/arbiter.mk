# Unit tests of arbiter.
