"""Patterns of secrets, of their names, and of what hides them from a search.

The lint of secrets in files (checks/lints/secrets.py) is narrower: a false alarm there costs a person time,
here a word of an output.
"""

from __future__ import annotations

import re

SECRET_NAME = re.compile(
    r"token|passw|passphrase|_pass\b|^pass$|_pwd$|secret|credential|bearer|cookie|session_?key|(?:^|_)pat$"
    r"|(?:api|access|account|auth|encryption|license|master|private|signing|ssh)_?key(?:_|$)|_key$|(?:^|_)auth$"
    r"|(?:^|_)dsn$|webhook",
    re.IGNORECASE,
)

# Of what a repository takes of this machine, these say nothing that is a secret.
PLAIN_NAME = re.compile(
    r"HOME|USER|LOGNAME|USERNAME|HOSTNAME|PWD|PATH|SHELL|EDITOR|LANG|LANGUAGE|LC_\w+|TERM|COLORTERM|TZ|UID|GID|CI"
    r"|DISPLAY|WAYLAND_DISPLAY|XDG_\w+|SSH_AUTH_SOCK|DOCKER_HOST|DOCKER_DEFAULT_PLATFORM|WSL_\w+|NESTPROOF_\w+"
    r"|SSL_CERT_(?:FILE|DIR)"
)

# Escape sequences (ECMA-48 §5.4, §8.3.89; an OSC ends with BEL too), and characters without a width.
CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufffd\ud800-\udfff]"
)
UNSEEN = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]{0,4096}(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]?|" + CONTROLS.pattern
)
INTRODUCERS = re.compile(r"\x1b[ -/]*[0-~]?|" + CONTROLS.pattern)
SPACE = re.compile(r"\s+")
UNSEEN_OR_SPACE = re.compile(rf"{UNSEEN.pattern}|\s+")
CONTROLS_OR_SPACE = re.compile(rf"{CONTROLS.pattern}|\s+")
VARIABLE = re.compile(r"\$\{[^{}]*\}|\$[A-Za-z_]\w*|%[A-Za-z_]\w*%")


# Each service publishes the shape of its tokens so that they can be found.
SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255}|gl[a-z]{2,6}-[A-Za-z0-9_.-]{20,}"
    r"|(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|[rsp]k_(?:live|test)_[A-Za-z0-9]{16,}"
    # Not `sk-learn-…`, which is a word.
    r"|sk-(?=[A-Za-z0-9_-]*[0-9])(?:(?=[A-Za-z0-9_-]*[A-Z])[A-Za-z0-9_-]{16,}|[A-Za-z0-9_-]{32,})|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{40,}|dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}"
    r"|hf_[A-Za-z0-9]{30,}|dop_v1_[a-f0-9]{60,}|hv[sb]\.[A-Za-z0-9_-]{20,}|AGE-SECRET-KEY-1[A-Z0-9]{50,}"
    r"|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|SK[0-9a-f]{32}|[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}"
    r"|[0-9]{8,10}:AA[A-Za-z0-9_-]{32,}|hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9_/-]{20,}"
    r"|discord(?:app)?\.com/api/webhooks/[0-9]+/[A-Za-z0-9_-]{20,}|dapi[a-f0-9]{32}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"
    r"|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,}|dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{30,}"
    r"|lin_(?:api|oauth)_[A-Za-z0-9]{30,}|glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}|glc_[A-Za-z0-9+/=]{32,}"
    r"|tskey-[a-z]+-[A-Za-z0-9-]{10,}|AT[AC]TT3[A-Za-z0-9_=-]{20,}|figd_[A-Za-z0-9_-]{30,}|gsk_[A-Za-z0-9]{40,}"
    r"|pplx-[A-Za-z0-9]{32,}|1//0[A-Za-z0-9_-]{30,}|[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){0,3}"
    r")",
    re.ASCII,
)
PASSWORD = re.compile(r"://[^\s/@:]*:([^\s/@]+)@")
"""In the address of a proxy, a database or a package index."""
# A key whose end was cut off, or whose begin was: what is left of it goes all the same.
PRIVATE_KEYS = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----(?:BEGIN|END) ).)*"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?"
    r"|(?:^[A-Za-z0-9+/=:, \t>|#.-]{0,120}\n){1,200}[^\n]{0,40}"
    r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----",
    re.DOTALL | re.MULTILINE,
)
# What stands where a secret stands, whatever it looks like; the group is what goes.
PLACES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # scheme://user:password@host, and a user alone: many services take a token for one.
        # A name that services give to everybody says nothing.
        r"\b[a-z][a-z0-9+.-]{1,20}://(?!(?:git|hg|svn|anonymous)@)([^\s/@'\"<>?#]+)@",
        # ?access_token=…&X-Amz-Signature=…
        r"[?&;#][\w.-]{0,60}(?:token|secret|passw\w*|signature|sig|api_?key|access_?key|key|credential|auth|code|jwt)"
        r"=([^\s&;#'\"<>]+)",
        r"\b(?:bearer|token)[ \t]+((?=\S*\d|\S{20})[A-Za-z0-9._~+/=-]{8,})",
        r"\bbasic[ \t]+([A-Za-z0-9+/=]{8,})",
        r"\b(?:x-api-key|private-token|x-vault-token|x-auth-token|set-cookie|cookie|(?:proxy-)?authorization)"
        r"[\"']?[ \t]*:[ \t]*[\"']?([^\r\n\"']+)",
        # NPM_TOKEN=…, "password": "…", --build-arg API_KEY=…, _authToken=…
        r"(?<![A-Za-z0-9/])(?!NOPASSWD:)[\w.-]{0,60}(?:token|passw(?:or)?d|passphrase|secret|credentials?|api_?key|access_?key"
        r"|private_?key|signing_?key|encryption_?key|secret_?key|auth_?key)[\"']?[ \t]*[=:][ \t]*"
        # `--secret=id=…,src=…` is how docker is told where one is.
        r"(?!id=|type=|src=|env=)(\"[^\"\r\n]{4,}\"|'[^'\r\n]{4,}'|[^\s\"',;&|<>(){}\[\]$][^\s\"'&|<>]{3,})",
        # What docker keeps of a login in its config.json.
        r"\"auth\"[ \t]*:[ \t]*\"([A-Za-z0-9+/=]{8,})\"",
        # curl -u name:password
        r"(?:^|\s)(?:-u|--user|--proxy-user)[ =][\"']?(?!\d+:\d+\b)[^\s:\"']+:([^\s\"']+)",
    )
)
