"""Fuzz the readers, guided by coverage (atheris, libFuzzer): `python -m tests.trust.fuzz --seconds 3600`.

Each reader gets its share of the time, a limit of 10 seconds and 2 GiB for one input, and the corpus in
tests/trust/corpus. `--keep` writes what covers something new back there. A fault is printed with the input
that shows it, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CORPUS = Path(__file__).with_name("corpus")
_LIMITS = ("-timeout=10", "-rss_limit_mb=2048", "-max_len=4096", "-verbosity=0", "-print_final_stats=1")
_ONE = "--one"
_LONGEST = 4096


def stored(reader: str) -> list[bytes]:
    """The corpus of a reader: a JSON list of texts, each character a byte."""
    file = CORPUS / f"{reader}.json"
    return [text.encode("latin-1") for text in json.loads(file.read_text())] if file.is_file() else []


def store(reader: str, inputs: list[bytes]) -> None:
    """Write the corpus of a reader, the shortest input first."""
    texts = [content.decode("latin-1") for content in sorted(set(inputs), key=lambda one: (len(one), one))]
    (CORPUS / f"{reader}.json").write_text(json.dumps(texts, indent=0) + "\n")


def seeds(reader: str) -> list[bytes]:
    """Sound files to begin with."""
    from tests.conftest import ROOT

    sound = {
        "profile": sorted((ROOT / ".devcontainer").glob("*.json")),
        "lock": [ROOT / ".devcontainer/privileges.lock"],
        "config": [ROOT / "pyproject.toml"],
    }
    texts = [file.read_bytes() for file in sound.get(reader, [])]
    if reader == "config":
        texts = [text.split(b"[tool.nestproof]")[1].split(b"[tool.ruff]")[0] for text in texts]
        texts = [text.replace(b"[tool.nestproof.", b"[") for text in texts]
    if reader == "jsonc":
        texts = seeds("profile")
    texts += [text.encode() for text in _SOUND.get(reader, ())]
    return [text[:_LONGEST] for text in texts]


_SOUND = {
    "label": (
        '[{"capAdd": ["SYS_ADMIN"], "mounts": ["source=/a,target=/b,type=bind"], "remoteUser": "me", '
        '"containerEnv": {"A": "${localEnv:B:c}"}, "securityOpt": ["seccomp=unconfined"], "init": true}]',
    ),
    "run-arguments": (
        "--cap-add=SYS_ADMIN\n--security-opt\nseccomp=unconfined\n-v\n/a:/b:ro\n--mount\n"
        "type=bind,source=/a,target=/b,readonly\n--ulimit=nofile=1:2\n-e\nA=b\n--device=/dev/fuse:/dev/fuse:rwm",
        '--tmpfs=/t:size=1m\n--pid=host\n--add-host=a:host-gateway\n--mount=type=tmpfs,"x"\n--env-file=/no',
    ),
    "compose": (
        '{"services": {"one": {"image": "x", "volumes": [{"type": "bind", "source": "/a", "target": "/b"}], '
        '"environment": {"A": "b"}, "deploy": {"resources": {"limits": {"memory": "1g"}}}, "devices": '
        '["/dev/fuse"], "ulimits": {"nofile": {"soft": 1, "hard": 2}}, "networks": {"n": null}}}, '
        '"networks": {"n": {"name": "host"}}, "volumes": {"v": {}}}',
    ),
    "compose-file": (
        "x-all: &all\n  env_file: [a.env]\n"
        "include:\n  - path: [b.yaml]\n    env_file: ${A:-c}.env\nservices:\n"
        "  one:\n    <<: *all\n    image: !reset ${B:?no}\n    extends: {file: d.yaml, service: x}\n"
        "    label_file: e\n--- {}\n",
    ),
    "frames": ("NONCE users 0 1.0 2.0 3 4\nabcdefgNONCE end\n", "NONCE facts 0 1.0 2.0 0 0\n"),
    "evidence": ('{"schema": 1, "runs": []}', '{"folder": "/x", "allowed": ["a"], "seen": []}'),
}


def _words() -> str:
    """The words of the readers' formats, as libFuzzer takes them."""
    from nestproof.devcontainer.schema import DevContainer
    from nestproof.engine.docker_flags import SWITCHES

    words = {field.alias or name for name, field in DevContainer.model_fields.items()}
    words |= {f"--{name}" for name in SWITCHES} | {
        "${localEnv:",
        "NONCE ",
        "[[node]]",
        "[[probe]]",
        "\\u0024",
    }
    return "".join(f"{json.dumps(word)}\n" for word in sorted(words)).replace("\\\\u", "\\x5cu")


def fuzz_one(reader: str, arguments: list[str]) -> None:
    """Fuzz one reader in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=["nestproof", "tomllib"], enable_loader_override=False):
        from tests.trust.readers import READERS
    read, folder = READERS[reader], Path(tempfile.mkdtemp(prefix="nestproof-fuzz-"))
    # libFuzzer starts itself again to merge.
    again = folder / "again"
    again.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.trust.fuzz {_ONE} {reader} "$@"\n')
    again.chmod(0o755)
    atheris.Setup([str(again), *arguments], lambda content: read(content, folder))
    atheris.Fuzz()


def run(reader: str, seconds: int, *, keep: bool) -> bool:
    """Fuzz one reader in a process of its own; returns whether it held."""
    with tempfile.TemporaryDirectory(prefix="nestproof-corpus-") as place:
        corpus, smallest = Path(place, "corpus"), Path(place, "smallest")
        for folder in (corpus, smallest):
            folder.mkdir()
        for number, content in enumerate([*stored(reader), *seeds(reader)]):
            (corpus / f"{number:05}").write_bytes(content)
        Path(place, "words").write_text(_words())
        command = [sys.executable, "-m", "tests.trust.fuzz", _ONE, reader]
        found = (f"-artifact_prefix={place}/fault-", f"-dict={place}/words")
        finished = subprocess.run(
            [*command, *_LIMITS, *found, f"-max_total_time={seconds}", str(corpus)],
            check=False,
            text=True,
            capture_output=True,
        )
        said = finished.stdout + finished.stderr
        units = re.search(r"number_of_executed_units: *([1-9]\d*)", said)
        print(f"{reader}: {units[1] if units else 'no'} inputs in {seconds} s", flush=True)
        if finished.returncode != 0:
            faults = [f"{fault.name}: {fault.read_bytes()!r}" for fault in Path(place).glob("fault-*")]
            print(_told(said), *faults, sep="\n")
            return False
        if keep:
            merge = [*command, "-merge=1", "-rss_limit_mb=2048", str(smallest), str(corpus)]
            subprocess.run(merge, check=True, capture_output=True)
            store(reader, [file.read_bytes() for file in smallest.iterdir()])
        return units is not None


def _told(said: str) -> str:
    """What libFuzzer and Python say of a fault."""
    _, found, after = said.partition("=== Uncaught Python exception")
    return found + after if found else said[-2000:]


def main() -> int:
    """Fuzz the readers one after the other; returns the exit status."""
    if _ONE in sys.argv:
        fuzz_one(sys.argv[2], sys.argv[3:])
    from tests.trust.readers import READERS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="the time for all readers together")
    parser.add_argument("--reader", choices=READERS, action="append", help="this reader alone; repeatable")
    parser.add_argument("--keep", action="store_true", help="write what covers something new to the corpus")
    given = parser.parse_args()
    readers = given.reader or list(READERS)
    share = max(1, given.seconds // len(readers))
    # Each of them, whatever the one before has found.
    held = [run(reader, share, keep=given.keep) for reader in readers]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
