"""Programs to copy from; every one runs in the tests."""
