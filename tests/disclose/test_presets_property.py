"""Random cohorts × random groups under every preset: an attacker of our own never pins a small count."""

from __future__ import annotations

import pytest

from primum.disclose.presets import names, preset


@pytest.mark.parametrize("name", names())
def test_a_few_random_cohorts(attacker, name):
    leaks, nothing, groups = attacker.campaign(preset(name), range(6), sample=1)
    assert leaks == []
    assert nothing < 5
    assert groups[-1, 2] > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_five_hundred_random_cohorts(attacker, name, capsys):
    policy = preset(name)
    leaks, nothing, groups = attacker.campaign(policy, range(500))
    with capsys.disabled():
        print(f"\n{attacker.told(policy, 500, nothing, groups)}")
    assert leaks == []
    assert groups[-1, 2] > groups[-1, 0] / 3  # groups of 500 people and more may still be assessed
