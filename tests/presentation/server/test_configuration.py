"""The configuration of gunicorn that keeps the values that were read."""

import pytest
from gunicorn.config import Config

from presentation.bootstrap.server import FixedConfig

NAMES = sorted(Config().settings)


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_has_gunicorns_value(name: str) -> None:
    kept = FixedConfig()

    # The second read gets the value that the first one has kept.
    assert [getattr(kept, name), getattr(kept, name)] == [getattr(Config(), name)] * 2


def test_a_changed_setting_has_its_new_value() -> None:
    kept = FixedConfig()
    assert kept.keepalive == Config().keepalive

    kept.set("keepalive", 75)

    assert kept.keepalive == 75


def test_an_unknown_setting_is_an_error() -> None:
    with pytest.raises(AttributeError):
        _ = FixedConfig().nonsense
