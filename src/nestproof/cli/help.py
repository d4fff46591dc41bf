"""Help texts that several tasks share."""

from __future__ import annotations

PROFILE = "profile to prove; may be given more than once (default: all)"
PLATFORM = "linux/amd64 or linux/arm64; may be given more than once (default: the engine's own)"
PROBE = "ask this one only; may be given more than once"
OUTPUT = {
    "json": "print the evidence as JSON on stdout; progress goes to stderr",
    "allow-unverified": "exit 0 although something is unverified; the last line says how much",
}
KEEP = {"evidence": "keep the evidence in this file, as the run goes"}
LAST = ".nestproof/evidence.json"
"""Where a run is kept when nobody says where."""
SARIF = {"sarif": "print what was found as SARIF 2.1.0 on stdout; progress goes to stderr"}
STRICT = {"strict": "a trailing comma, which the specification forbids and clients take, is an error"}
VM = {"vm": "smoke in a guest with a kernel of its own, started if need be (see node.up)"}
NODE = "the node to ask, by its name (default: the truest for each platform; see node.list)"
ON_AN_ENGINE = {"profile": PROFILE, "platform": PLATFORM, "node": NODE, **OUTPUT, **KEEP}
OF_FILES = {"profile": PROFILE, **OUTPUT, **SARIF, **KEEP}
