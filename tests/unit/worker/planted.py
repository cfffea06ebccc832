"""Dummy secrets, one of each kind, put together at run time so that no scanner takes them for real ones."""

RANDOM = "q7Zt0Lw2Xc9Vb4Nm8Kp1Rs6Yd3Hf5GjAeUiOo"
SECRETS = {
    "private key": "-----BEGIN " + "RSA PRIVATE KEY-----",
    "AWS access key": "aws = AKIA" + "IOSFODNN7EXAMPLQ"[:16].replace("1", "A"),
    "GitHub token": "ghp_" + RANDOM,
    "GitLab token": "glpat-" + RANDOM[:20],
    "Slack token": "xoxb-" + RANDOM,
    "Stripe key": "sk_live_" + RANDOM[:24],
    "Google key": "AIza" + RANDOM[:35],
    "model provider key": "sk-ant-" + RANDOM,
    "package registry token": "npm_" + RANDOM[:36],
    "signed token": f"eyJ{RANDOM}.eyJ{RANDOM}.{RANDOM}",
    "password in a URL": "postgres://ada:s3cr3t-and-long@db/x",
    "assigned secret": f'API_KEY = "{RANDOM}"',
}
