"""Why a site's thresholds do not decide: told on every page and beside every answer that they would have decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from radiolens.inference.installed import SHOWN_DIGITS
from radiolens.inference.lineup import Lineup
from radiolens.locale.translate import gettext as _
from radiolens.prediction import BundleIdentity
from radiolens.profile import Profile
from radiolens.web.told import Card

__all__ = ["disabled_text", "noted", "profile_in_force", "profile_note", "with_note"]


def disabled_text(profile: Profile, answering: BundleIdentity) -> str:
    """Return the sentences that a profile does not decide, since another network answers than its own."""
    return _(
        "The thresholds of %(site)s are switched off: they were planned for %(planned)s, and %(answering)s answers "
        "now. Thresholds hold for one network only, so this network's own decide until the site's are planned anew.",
        site=profile.site,
        planned=_named(profile.bundle_name, profile.bundle_version, profile.bundle_sha256),
        answering=_named(answering.name, answering.version, answering.sha256),
    )


def profile_in_force(profiles: Sequence[Profile], answered_by: BundleIdentity | None) -> Profile | None:
    """Return that of the site's profiles which decides for a bundle, the last one as in `Predictor`; None if none."""
    own = [entry for entry in profiles if answered_by and entry.bundle_sha256 == answered_by.sha256]
    return own[-1] if own else None


def profile_note(lineup: Lineup, answered_by: BundleIdentity | None) -> str:
    """Return why the site's thresholds did not decide an answer of this bundle; empty if they did, or there are none.

    Of an answer by a version that does not answer any more nothing is said, since that is told of now.
    """
    profile = lineup.disabled_profile(answered_by.name) if answered_by else None
    if profile is None or answered_by is None:
        return ""
    answering = lineup.predictor.shelf.installed.versions[answered_by.name][0].identity
    return disabled_text(profile, answering) if answering.sha256 == answered_by.sha256 else ""


def noted(card: Card, lineup: Lineup) -> Card:
    """Return a card that says why the site's thresholds did not decide, in the place where it says whose they are."""
    return with_note(card, profile_note(lineup, card.model))


def with_note(card: Card, note: str) -> Card:
    """Return a card with a note on the site's thresholds, if there is one, in place of whose the thresholds are."""
    return replace(card, profile_note=note, thresholds="") if note else card


def _named(name: str, version: str, sha256: str) -> str:
    return f"{name} {version} ({sha256[:SHOWN_DIGITS]})"
