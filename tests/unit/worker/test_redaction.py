"""Redaction finds what its patterns find, and finds it quickly, also in text that was written to be slow."""

import re
import sys
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.worker.planted import RANDOM, SECRETS
from vsm_worker import secret_rules
from vsm_worker.secret_rules import (
    ENTROPY_LIMIT,
    RULES,
    SPARSE,
    entropy,
    redacted,
    redacted_bytes,
    secrets_in,
)

REASONABLE_SECONDS = 5.0
LENGTH = 1_000_000  # characters

# What redaction means, said the plain way: every pattern over the whole text, one after the other.
KEY = (
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:[A-Za-z0-9+/=:,.()\s\\-](?!----BEGIN )){0,16384}-----END [A-Z0-9 ]{1,60}-----"
    r"|(?:(?:\s|\\[nr])*[A-Za-z0-9+/=]{16,})*)"
)
PLAIN = {
    "private key": r"(?P<secret>-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----)",
    "AWS access key": r"\b(?P<secret>(?:AKIA|ASIA)[A-Z2-7]{16})\b",
    "GitHub token": r"\b(?P<secret>gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b",
    "GitLab token": r"\b(?P<secret>glpat-[A-Za-z0-9_-]{20,})",
    "Slack token": r"\b(?P<secret>xox[abeprs]-[A-Za-z0-9-]{20,})",
    "Stripe key": r"\b(?P<secret>[rs]k_live_[A-Za-z0-9]{20,})\b",
    "Google key": r"\b(?P<secret>AIza[A-Za-z0-9_-]{35})",
    "model provider key": r"\b(?P<secret>sk-(?:ant-|proj-|or-)?[A-Za-z0-9_-]{32,})",
    "package registry token": r"\b(?P<secret>npm_[A-Za-z0-9]{36}|py" r"pi-AgE[A-Za-z0-9_-]{50,})",
    "signed token": r"(?<![A-Za-z0-9_-])"
    r"(?P<secret>eyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{20,})",
    "password in a URL": r"\b[a-z][a-z0-9+.-]{0,30}://[^\s:/@'\"{}<>$]+:(?P<secret>[^\s:/@'\"{}<>$*]{8,})@",
    "assigned secret": r"(?i)(?:api_?key|secret|passw(?:or)?d|access_?token|auth_?token)\w{0,60}"
    r"[\"']?\s{0,20}[:=]\s{0,20}[\"'](?P<secret>[A-Za-z0-9+/=_.~-]{20,})[\"']",
}


def is_meant(rule: str, match: re.Match[str]) -> bool:
    return rule != "assigned secret" or entropy(match["secret"]) >= ENTROPY_LIMIT


def plainly_redacted(text: str) -> str:
    text = re.sub(KEY, "[redacted: private key]", text)
    for rule, pattern in PLAIN.items():

        def told(match: re.Match[str], rule: str = rule) -> str:
            begin, end = (place - match.start() for place in match.span("secret"))
            return (
                f"{match[0][:begin]}[redacted: {rule}]{match[0][end:]}" if is_meant(rule, match) else match[0]
            )

        text = re.sub(pattern, told, text)
    return text


def plainly_found(line: str) -> list[tuple[str, str]]:
    return [
        (rule, match["secret"])
        for rule, pattern in PLAIN.items()
        for match in re.finditer(pattern, line)
        if is_meant(rule, match)
    ]


# ------------------------------------------------------------------------------- the same as the plain definition

ALSO = (
    "github_pat_" + RANDOM * 2,
    "py" + "pi-AgE" + RANDOM * 2,
    "ASIA" + "ABCDEFGHIJKLMNOP",
    f"Auth-Token: 'x', access\u212aey_\u017fecret_token_of_mine\n  =\n '{RANDOM}'",
    f"pa\u017f\u017fword: '{RANDOM}'",
    f"AP\u0130_KEY='{RANDOM}' ap\u0131_\u212aey='{RANDOM}'",
    f'"secret{"w" * 60}" : "{RANDOM}"',
    f'"secret{"w" * 61}" : "{RANDOM}"',
    f"git+ssh.x-y://ada:{RANDOM}@host a.b.c.http://u:{RANDOM}@h",
    f"{'s' * 40}://ada:{RANDOM}@host",
    SECRETS["private key"] + "\n" + "\n".join([RANDOM] * 3) + "\n-----END RSA PRIVATE KEY-----",
    SECRETS["private key"] + "\\n" + RANDOM + "\\n" + RANDOM,
    "-----BEGIN PRIVATE KEY BLOCK-----",
)
MARKS = tuple(mark for rule in RULES for mark in rule.marks)
GLUE = (
    "",
    " ",
    "\n",
    "_",
    "-",
    ".",
    ":",
    "=",
    "'",
    '"',
    "@",
    "/",
    "://",
    "x",
    "K",
    "7",
    "é",
    "\u0130",
    "\u03a3",
    "\\n",
)
planted = st.sampled_from((*SECRETS.values(), *ALSO))
cut = st.builds(lambda text, end: text[: end % (len(text) + 1)], planted, st.integers(0, 200))
words = st.sampled_from((*MARKS, *map(str.upper, MARKS), *GLUE, RANDOM, RANDOM[:20], "ada", "word " * 40))
texts = st.lists(st.one_of(planted, cut, words, st.text(max_size=8)), max_size=12).map("".join)
spread = st.builds(
    lambda text, filler: text.replace(" ", filler), texts, st.sampled_from([" ", " " * 9 * SPARSE])
)


@given(spread)
@example("x" * 3 + "sk-" + RANDOM)
@example(f"sk-ant-{RANDOM} sk-{RANDOM}")
@example(f"a://b:{RANDOM}@c://d:{RANDOM}@e")
def test_what_is_found_and_redacted_is_what_the_patterns_say(text):
    assert redacted(text) == plainly_redacted(text)
    assert [(each.rule, each.secret) for each in secrets_in(text)] == plainly_found(text)


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
@pytest.mark.parametrize("filler", ["", ".", " ", "line\n" * 100, "secret " * 20])
def test_each_rule_redacts_as_it_did_wherever_its_secret_stands(rule, filler):
    for before in GLUE:
        for after in GLUE:
            text = f"{filler}{before}{SECRETS[rule]}{after}{filler}"
            assert redacted(text) == plainly_redacted(text)


ENDS = {  # what follows each mark in a secret
    "private key": "RSA PRIVATE KEY-----",
    "AWS access key": "ABCDEFGHIJKLMNOP",
    "Slack token": f"{RANDOM}",
    "signed token": f"{RANDOM}.eyJ{RANDOM}.{RANDOM}",
    "password in a URL": f"ada:{RANDOM}@host",
    "assigned secret": f" = '{RANDOM}'",
}


OPENINGS = (
    "private key|-----BEGIN ",
    "AWS access key|AKIA|ASIA",
    "GitHub token|ghp_|gho_|ghu_|ghs_|ghr_|github_pat_",
    "GitLab token|glpat-",
    "Slack token|xoxa-|xoxb-|xoxe-|xoxp-|xoxr-|xoxs-",
    "Stripe key|sk_live_|rk_live_",
    "Google key|AIza",
    "model provider key|sk-|sk-ant-|sk-proj-|sk-or-",
    "package registry token|npm_|py" + "pi-AgE",
    "signed token|eyJ",
    "password in a URL|://",
    "assigned secret|api_key|apikey|API_KEY|secret|passwd|password|passwordd",
    "assigned secret|access_token|accesstoken|auth_token|authtoken|Auth_Token",
)


def openings():
    for name, *each in (line.split("|") for line in OPENINGS):
        yield from ((next(rule for rule in RULES if rule.name == name), opening) for opening in each)


@pytest.mark.parametrize(("rule", "mark"), list(openings()))
def test_a_secret_is_found_by_each_of_its_beginnings_in_a_long_text(rule, mark):
    scheme = "s" * rule.lead
    for secret in (
        f"{scheme}{mark}{ENDS.get(rule.name, RANDOM * 2)}",
        f"{mark}{ENDS.get(rule.name, RANDOM * 2)}",
    ):
        again = f"{secret}-{secret}" + " " * SPARSE + f"{secret}{secret}"
        for text in (secret, secret.upper(), again, f"x{secret}", f"{secret}_"):
            told = " " * SPARSE * 9 + text + " " * SPARSE * 9
            assert redacted(told) == plainly_redacted(told)
            assert [(each.rule, each.secret) for each in secrets_in(told)] == plainly_found(told)
    assert "[redacted: " in redacted(f"{'s' * min(rule.lead, 1)}{mark}{ENDS.get(rule.name, RANDOM * 2)} ")


def test_the_letters_that_count_as_one_of_ours_are_all_known():
    word = re.compile("(?i)[apikeyscrtwodunh]")  # every letter of the marks
    odd = [
        chr(code) for code in range(sys.maxunicode + 1) if word.match(chr(code)) and not chr(code).isascii()
    ]
    for letter in odd:
        text = (
            f"{letter.join(['api_', 'ey'])}='{RANDOM}' pa{letter * 2}word='{RANDOM}' ap{letter}key='{RANDOM}'"
        )
        assert redacted(text) == plainly_redacted(text)
    others = [chr(code) for code in range(sys.maxunicode + 1) if len(chr(code).lower()) != 1]
    assert set(others) <= set(odd)  # no other letter changes its place in a text that is put in lower case


# ----------------------------------------------------------------------------------------------- what it is for


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_a_secret_is_redacted_in_any_text_and_twice_is_once(rule):
    (found, *_) = (each for each in secrets_in(f"x {SECRETS[rule]} y") if each.rule == rule)
    told = redacted(f"before\nx {SECRETS[rule]} y\nafter")
    assert found.secret not in told
    assert f"[redacted: {rule}]" in told
    assert (told[:8], told[-7:]) == ("before\nx", "y\nafter")
    assert redacted(told) == told
    assert found.secret.encode() not in redacted_bytes(b"\xff" + SECRETS[rule].encode())


@pytest.mark.parametrize("end", ["\n-----END RSA PRIVATE KEY-----", ""])
def test_of_a_private_key_nothing_is_left(end):
    body = "\n".join([RANDOM.replace("-", "+")] * 20)
    told = redacted(f"cat key\n{SECRETS['private key']}\n{body}{end}\n$ done")
    assert told == "cat key\n[redacted: private key]\n$ done"


@pytest.mark.parametrize(
    "text",
    [
        "secret",
        "a.",
        "eyJ-",
        "eyJ" + "a" * 16 + ".",
        "a://b",
        "api_key = '",
        "-----BEGIN PRIVATE KEY-----a",
        "-----BEGIN A ",
        "a://b:c",
        "a.b.c://d:",
        "auth_token",
        "secret" + "a" * 60 + " " * 20 + "=",
        "password" + " " * 20 + ":" + " " * 20 + "'aaaaaaaaaaaaaaaaaaaa",
        "'secret='" + "a" * 19,
        "sk-",
        "sk-ant-aaaa",
        "xoxb-a",
        "ghp_" + "a" * 36 + "_",
        "AKIA" * 5,
        "\u0130pi_key",
        "\n",
        "a" * 9,
    ],
)
@pytest.mark.parametrize("gap", ["", " " * SPARSE])
def test_hostile_text_is_read_in_reasonable_time(text, gap):
    begun = time.process_time()
    redacted((text + gap) * (LENGTH // len(text + gap)))
    assert time.process_time() - begun < REASONABLE_SECONDS


def test_only_short_texts_without_a_secret_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_rules, "_CLEAN", set())
    monkeypatch.setattr(secret_rules, "CLEAN_KEPT", 3)
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2
    assert secret not in secret_rules.redacted(f"token {secret}")
    assert secret_rules.redacted("x" * 1_000) == "x" * 1_000
    assert set() == secret_rules._CLEAN
    for number in range(4):
        assert secret_rules.redacted(f"title {number}") == f"title {number}"
        assert len(secret_rules._CLEAN) <= 3
    assert secret_rules.redacted("title 3") == "title 3"
