"""Which addresses a model may have."""

import pytest

from gptj.backends.address import AddressRefused, Resolver, refused


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.1.1", "64:ff9b::169.254.169.254"],
)
def test_link_local_addresses_are_refused(address: str) -> None:
    assert refused(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "93.184.216.34", "localhost"])
def test_others_are_not(address: str) -> None:
    assert not refused(address)


async def test_a_number_that_means_a_link_local_address_is_refused() -> None:
    with pytest.raises(AddressRefused):
        await Resolver().resolve("2852039166", 80)  # 169.254.169.254 as inet_aton(3) reads it


async def test_a_name_that_means_another_is_resolved() -> None:
    assert [entry["host"] for entry in await Resolver().resolve("127.1", 80)] == ["127.0.0.1"]
