"""How good the page is by numbers: slow, so run by `make page` and not by `make test`."""
