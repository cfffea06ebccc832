"""What a secret looks like in a diff or an output: a dozen patterns of our own, precise rather than many.

No pattern may take longer than its text is long, give or take a constant: whoever wrote the text is not trusted. Most
text holds no secret, and searching is what costs: each rule names marks, plain words of which every match has one at
its beginning, and only where such a word stands is the pattern tried. What is found is what the patterns alone find.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

ENTROPY_LIMIT = 3.2  # bits per character above which an assigned word is taken for a key, not for a phrase
SHOWN = 4  # characters of a secret that a report may show
SPARSE = 25  # characters per mark above which it pays to try a pattern at its marks alone
SCHEME_LIMIT = 31  # characters of a URL's scheme
SEPARATOR = "://"
# What counts as one of our letters where case does not, besides the letter in both cases.
ODD_LETTERS = (("\u0130", "i"), ("\u0131", "i"), ("\u017f", "s"), ("\u212a", "k"))


@dataclass(frozen=True, slots=True)
class SecretRule:
    """One kind of secret, the pattern that finds it, and the marks; the group ``secret`` is the secret itself.

    Every match begins with one of the marks, or up to ``lead`` characters before one; where it does not begin there
    itself, ``rest`` is what must follow from the mark on. Where ``holds`` has any words, a match has one of them too.
    """

    name: str
    pattern: re.Pattern[str]
    marks: tuple[str, ...]
    holds: tuple[str, ...] = ()
    needs_entropy: bool = False
    any_case: bool = False  # of the marks
    lead: int = 0
    rest: re.Pattern[str] | None = None


def _rule(name: str, pattern: str, *marks: str) -> SecretRule:
    return SecretRule(name, re.compile(pattern), marks)


RULES: tuple[SecretRule, ...] = (
    _rule(
        "private key",
        r"(?P<secret>-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----)",
        "-----BEGIN ",
    ),
    _rule("AWS access key", r"\b(?P<secret>(?:AKIA|ASIA)[A-Z2-7]{16})\b", "AKIA", "ASIA"),
    _rule(
        "GitHub token",
        r"\b(?P<secret>gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b",
        *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    ),
    _rule("GitLab token", r"\b(?P<secret>glpat-[A-Za-z0-9_-]{20,})", "glpat-"),
    _rule("Slack token", r"\b(?P<secret>xox[abeprs]-[A-Za-z0-9-]{20,})", "xox"),
    _rule("Stripe key", r"\b(?P<secret>[rs]k_live_[A-Za-z0-9]{20,})\b", "rk_live_", "sk_live_"),
    _rule("Google key", r"\b(?P<secret>AIza[A-Za-z0-9_-]{35})", "AIza"),
    _rule("model provider key", r"\b(?P<secret>sk-(?:ant-|proj-|or-)?[A-Za-z0-9_-]{32,})", "sk-"),
    _rule(
        "package registry token",
        r"\b(?P<secret>npm_[A-Za-z0-9]{36}|py" r"pi-AgE[A-Za-z0-9_-]{50,})",
        *("npm_", "pypi-AgE"),
    ),
    _rule(
        "signed token",
        r"(?<![A-Za-z0-9_-])(?P<secret>eyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{20,})",
        "eyJ",
    ),
    SecretRule(
        "password in a URL",
        re.compile(
            r"\b[a-z][a-z0-9+.-]{0,30}://[^\s:/@'\"{}<>$]+:(?P<secret>[^\s:/@'\"{}<>$*]{8,})@",
        ),
        (SEPARATOR,),
        holds=("@",),
        lead=SCHEME_LIMIT,
        rest=re.compile(r"://[^\s:/@'\"{}<>$]++:[^\s:/@'\"{}<>$*]{8,}+@"),
    ),
    SecretRule(
        "assigned secret",
        re.compile(
            # No part of it can give back what the next one could use, so none tries to.
            r"(?i)(?:api_?key|secret|passw(?:or)?d|access_?token|auth_?token)\w{0,60}+[\"']?\s{0,20}+[:=]\s{0,20}+"
            r"[\"'](?P<secret>[A-Za-z0-9+/=_.~-]{20,}+)[\"']"
        ),
        ("api_key", "apikey", "secret", "passw", "access_token", "accesstoken", "auth_token", "authtoken"),
        holds=('"', "'"),
        needs_entropy=True,
        any_case=True,
    ),
)

PRIVATE_KEY = _rule(  # with what follows its first line, which is the secret proper
    "private key",
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:[A-Za-z0-9+/=:,.()\s\\-](?!----BEGIN )){0,16384}-----END [A-Z0-9 ]{1,60}-----"
    r"|(?:(?:\s|\\[nr])*[A-Za-z0-9+/=]{16,})*)",
    "-----BEGIN ",
)


SHORT = 200  # characters of a text worth remembering
CLEAN_KEPT = 4_096  # such texts; one with a secret is never kept
_CLEAN: set[str] = set()


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
        for match in matches(rule, line):
            if _is_secret(rule, match):
                yield FoundSecret(rule.name, match["secret"])


def _is_secret(rule: SecretRule, match: re.Match[str]) -> bool:
    return not rule.needs_entropy or entropy(match["secret"]) >= ENTROPY_LIMIT


def redacted(text: str) -> str:
    """Return a text with the name of its rule in the place of each secret."""
    if text in _CLEAN:
        return text
    shown = _replaced(PRIVATE_KEY, 0, text)
    for rule in RULES:
        shown = _replaced(rule, "secret", shown)
    if shown is text and len(text) <= SHORT:
        _remember(text)
    return shown


def _remember(text: str) -> None:
    """Note a short text that holds no secret: titles, names and outcomes come again by the thousand."""
    if len(_CLEAN) >= CLEAN_KEPT:
        _CLEAN.clear()
    _CLEAN.add(text)


def _replaced(rule: SecretRule, group: str | int, text: str) -> str:
    pieces, end = [], 0
    for match in matches(rule, text):
        if _is_secret(rule, match):
            pieces += [text[end : match.start(group)], f"[redacted: {rule.name}]"]
            end = match.end(group)
    return "".join([*pieces, text[end:]]) if pieces else text


def matches(rule: SecretRule, text: str) -> Iterator[re.Match[str]]:
    """Yield what ``rule.pattern.finditer(text)`` yields."""
    if rule.holds and not any(word in text for word in rule.holds):
        return
    searched = _in_one_case(text) if rule.any_case else text
    marks = {mark: count for mark in rule.marks if (count := searched.count(mark))}
    if sum(marks.values()) * SPARSE > len(text):
        yield from rule.pattern.finditer(text)
        return
    end = 0
    for place in sorted(place for mark in marks for place in _places(mark, searched)):
        if rule.rest is None or rule.rest.match(text, place):
            found = _match_at(rule, text, range(max(end, place - rule.lead), place + 1))
            if found is not None:
                end = found.end()
                yield found


def _places(mark: str, text: str) -> Iterator[int]:
    place = text.find(mark)
    while place >= 0:
        yield place
        place = text.find(mark, place + 1)


def _match_at(rule: SecretRule, text: str, starts: range) -> re.Match[str] | None:
    return next((found for start in starts if (found := rule.pattern.match(text, start))), None)


def _in_one_case(text: str) -> str:
    """Return a text of the same length in which the letters of marks stand in lower case."""
    if not text.isascii():
        for odd, letter in ODD_LETTERS:
            text = text.replace(odd, letter)
    return text.lower()


def redacted_bytes(content: bytes) -> bytes:
    """Return the same of an output; bytes that are no UTF-8 stay as they are."""
    return redacted(content.decode(errors="surrogateescape")).encode(errors="surrogateescape")


def entropy(text: str) -> float:
    """Return the Shannon entropy of a text in bits per character."""
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())
