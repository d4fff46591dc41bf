"""Read records from the runner's output as they come; probes/scripts/runner.sh has the format."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEADER = re.compile(
    rb"(?P<nonce>\S+) (?P<name>[a-z0-9-]+) (?P<status>\d{1,3}) "
    rb"(?P<begin>\d{1,12}\.\d\d) (?P<end>\d{1,12}\.\d\d) +(?P<out>\d{1,6}) +(?P<err>\d{1,6})"
)


@dataclass(frozen=True, slots=True)
class Record:
    """The record of one probe; `seconds` is measured inside the container, to a hundredth."""

    name: str
    exit_status: int
    stdout: str
    stderr: str
    seconds: float


class FrameReader:
    """Collects bytes and gives back complete records. Only lines that begin with the nonce are frames."""

    def __init__(self, nonce: str) -> None:
        self.nonce = nonce
        self._buffer = bytearray()
        self.noise = bytearray()
        """Output outside any frame: the words of a shell that could not run the runner."""

    def feed(self, data: bytes) -> list[Record]:
        """Take the next bytes; returns the records that they complete."""
        self._buffer += data
        records: list[Record] = []
        while (end := self._buffer.find(b"\n")) >= 0:
            header = _HEADER.fullmatch(self._buffer[:end])
            if not header or header["nonce"] != self.nonce.encode():
                self.noise += self._buffer[: end + 1]
                del self._buffer[: end + 1]
                continue
            out, err = int(header["out"]), int(header["err"])
            if len(self._buffer) < end + 1 + out + err:
                break
            body = bytes(self._buffer[end + 1 : end + 1 + out + err])
            del self._buffer[: end + 1 + out + err]
            records.append(
                Record(
                    header["name"].decode(),
                    int(header["status"]),
                    body[:out].decode(errors="replace"),
                    body[out:].decode(errors="replace"),
                    round(max(0.0, float(header["end"]) - float(header["begin"])), 2),
                )
            )
        return records
