"""A copy is proven as far as its proofs went, and not one level further (I29)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dr.catalog.manifest import Level, from_json, to_json
from tests.unit.catalog.examples import manifest, proof

STORES = st.sampled_from(["local", "cloud", "second-region"])
PROOFS = st.lists(
    st.builds(
        lambda store, level, passed, minutes: proof(store, level.name.lower(), passed=passed, minutes=minutes),
        STORES,
        st.sampled_from(Level),
        st.booleans(),
        st.integers(0, 1000),
    ),
    max_size=6,
)

pytestmark = pytest.mark.incident("I29")


@given(PROOFS, st.none() | STORES)
def test_never_one_level_higher_than_proven(proofs, store):
    """The level shown is the highest that a proof of that very copy has passed since its last failure, or none."""
    standing = set()
    for each in (store,) if store else ("local", "cloud", "second-region"):
        ordered = sorted((item for item in proofs if item.store == each), key=lambda item: item.at)
        failed = max((place for place, item in enumerate(ordered) if not item.passed), default=-1)
        standing |= {Level[item.level.upper()] for item in ordered[failed + 1 :]}

    assert manifest(verifications=tuple(proofs)).proven_level(store) == max(standing, default=None)


@given(st.lists(st.sampled_from(Level), min_size=1), STORES)
def test_the_highest_passed_level_is_shown(levels, store):
    """Reading back again at a lower level takes nothing away from what was proven."""
    proofs = tuple(proof(store, level.name.lower(), minutes=number) for number, level in enumerate(levels))

    assert manifest(verifications=proofs).proven_level(store) is max(levels)


def test_a_failed_proof_proves_nothing_whatever_it_aimed_at():
    """A restore that did not boot is no boot."""
    backup = manifest(verifications=(proof("local", "listed"), proof("local", "booted", passed=False, minutes=-1)))

    assert backup.proven_level("local") is Level.LISTED


def test_one_stores_proof_says_nothing_of_anothers_copy():
    """Each copy is proven by reading that copy."""
    backup = manifest(stores=("local", "cloud"), verifications=(proof("local", "queried"),))

    assert backup.proven_level("local") is Level.QUERIED
    assert backup.proven_level("cloud") is None
    assert backup.proven_level() is Level.QUERIED


@pytest.mark.incident("I14")
def test_a_copy_whose_last_proof_failed_is_proven_no_more():
    """What was whole in January and is damaged in March must not make older copies superfluous."""
    backup = manifest(verifications=(proof("local", "listed"), proof("local", "stored", passed=False, minutes=60)))

    assert backup.proven_level("local") is None


def test_a_backup_never_read_back_is_not_proven_at_all():
    """Written is not proven."""
    assert manifest(verifications=()).proven_level() is None


def test_levels_are_ordered_as_the_design_lists_them_and_stored_by_name():
    """stored < checksummed < decrypted < listed < restored < booted < queried < app-checked, through the file too."""
    names = ["stored", "checksummed", "decrypted", "listed", "restored", "booted", "queried", "app_checked"]

    assert [level.name.lower() for level in sorted(Level)] == names
    for name in (*names, "app-checked"):
        stored = from_json(to_json(manifest(verifications=(proof("local", name),))), "x")
        assert stored.proven_level() is Level[name.upper().replace("-", "_")]
