"""Discretion: what a user asks is handed in without the secrets that its words hold.

The rules are those that leaves go by. What is run or opened (a repository's place, an acceptance command) stays as it
is, because it would not work otherwise.
"""

from vsm_core.payloads.work import Directive
from vsm_core.texts import changed_texts
from vsm_core.value import TEXT_LIMIT
from vsm_worker.secret_rules import redacted


def without_secrets(directive: Directive) -> Directive:
    """Return a directive with the name of its kind in the place of each secret, in its texts and its labels."""
    mended = changed_texts(directive, lambda text: redacted(text)[:TEXT_LIMIT])
    labels = {redacted(name): redacted(label) for name, label in directive.labels.items()}
    kept: dict[str, object] = {"repository": directive.repository}
    return mended.model_copy(update=kept if labels == directive.labels else {**kept, "labels": labels})
