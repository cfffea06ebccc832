"""What a secret looks like in a diff or an output: a dozen patterns of our own, precise rather than many.

No pattern may take longer than its text is long, give or take a constant: whoever wrote the text is not trusted.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

ENTROPY_LIMIT = 3.2  # bits per character above which an assigned word is taken for a key, not for a phrase
SHOWN = 4  # characters of a secret that a report may show


@dataclass(frozen=True, slots=True)
class SecretRule:
    """One kind of secret and the pattern that finds it; the group ``secret`` is the secret itself."""

    name: str
    pattern: re.Pattern[str]
    needs_entropy: bool = False


def _rule(name: str, pattern: str, *, needs_entropy: bool = False) -> SecretRule:
    return SecretRule(name, re.compile(pattern), needs_entropy)


RULES: tuple[SecretRule, ...] = (
    _rule("private key", r"(?P<secret>-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----)"),
    _rule("AWS access key", r"\b(?P<secret>(?:AKIA|ASIA)[A-Z2-7]{16})\b"),
    _rule("GitHub token", r"\b(?P<secret>gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b"),
    _rule("GitLab token", r"\b(?P<secret>glpat-[A-Za-z0-9_-]{20,})"),
    _rule("Slack token", r"\b(?P<secret>xox[abeprs]-[A-Za-z0-9-]{20,})"),
    _rule("Stripe key", r"\b(?P<secret>[rs]k_live_[A-Za-z0-9]{20,})\b"),
    _rule("Google key", r"\b(?P<secret>AIza[A-Za-z0-9_-]{35})"),
    _rule("model provider key", r"\b(?P<secret>sk-(?:ant-|proj-|or-)?[A-Za-z0-9_-]{32,})"),
    _rule("package registry token", r"\b(?P<secret>npm_[A-Za-z0-9]{36}|py" r"pi-AgE[A-Za-z0-9_-]{50,})"),
    _rule(
        "signed token",
        r"(?<![A-Za-z0-9_-])(?P<secret>eyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{20,})",
    ),
    _rule(
        "password in a URL",
        r"\b[a-z][a-z0-9+.-]{0,30}://[^\s:/@'\"{}<>$]+:(?P<secret>[^\s:/@'\"{}<>$*]{8,})@",
    ),
    _rule(
        "assigned secret",
        r"(?i)(?:api_?key|secret|passw(?:or)?d|access_?token|auth_?token)\w{0,60}[\"']?\s{0,20}[:=]\s{0,20}"
        r"[\"'](?P<secret>[A-Za-z0-9+/=_.~-]{20,})[\"']",
        needs_entropy=True,
    ),
)

PRIVATE_KEY = re.compile(  # with what follows its first line, which is the secret proper
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:[A-Za-z0-9+/=:,.()\s\\-](?!----BEGIN )){0,16384}-----END [A-Z0-9 ]{1,60}-----"
    r"|(?:(?:\s|\\[nr])*[A-Za-z0-9+/=]{16,})*)"
)


@dataclass(frozen=True, slots=True)
class FoundSecret:
    """A secret in a line: which kind, and the text itself, which goes into no report."""

    rule: str
    secret: str

    @property
    def masked(self) -> str:
        """The secret as it may be shown."""
        return f"{self.rule} {self.secret[:SHOWN]}..."


def secrets_in(line: str) -> Iterator[FoundSecret]:
    """Yield what looks like a secret in one line."""
    for rule in RULES:
        for match in rule.pattern.finditer(line):
            secret = match["secret"]
            if not rule.needs_entropy or entropy(secret) >= ENTROPY_LIMIT:
                yield FoundSecret(rule.name, secret)


def redacted(text: str) -> str:
    """Return a text with the name of its rule in the place of each secret."""
    text = PRIVATE_KEY.sub("[redacted: private key]", text)
    for rule in RULES:
        text = rule.pattern.sub(partial(_replaced, rule), text)
    return text


def redacted_bytes(content: bytes) -> bytes:
    """Return the same of an output; bytes that are no UTF-8 stay as they are."""
    return redacted(content.decode(errors="surrogateescape")).encode(errors="surrogateescape")


def _replaced(rule: SecretRule, match: re.Match[str]) -> str:
    whole, secret = match[0], match["secret"]
    if rule.needs_entropy and entropy(secret) < ENTROPY_LIMIT:
        return whole
    begin, end = match.start("secret") - match.start(), match.end("secret") - match.start()
    return f"{whole[:begin]}[redacted: {rule.name}]{whole[end:]}"


def entropy(text: str) -> float:
    """Return the Shannon entropy of a text in bits per character."""
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())
