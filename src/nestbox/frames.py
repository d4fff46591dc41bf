"""The runner's output ─▶ observations, as they come. The format is described in probes/runner.sh."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """What one probe did; `seconds` is measured inside the container, to a hundredth."""

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
        """What came outside of any frame: the words of a shell that could not run the runner."""

    def feed(self, data: bytes) -> list[Record]:
        """Take the next bytes; returns the records that they complete."""
        self._buffer += data
        records: list[Record] = []
        while (end := self._buffer.find(b"\n")) >= 0:
            header = self._buffer[:end].split()
            if len(header) != 7 or header[0].decode(errors="replace") != self.nonce:
                self.noise += self._buffer[: end + 1]
                del self._buffer[: end + 1]
                continue
            out, err = int(header[5]), int(header[6])
            if len(self._buffer) < end + 1 + out + err:
                break
            body = bytes(self._buffer[end + 1 : end + 1 + out + err])
            del self._buffer[: end + 1 + out + err]
            records.append(
                Record(
                    header[1].decode(),
                    int(header[2]),
                    body[:out].decode(errors="replace"),
                    body[out:].decode(errors="replace"),
                    max(0.0, float(header[4]) - float(header[3])),
                )
            )
        return records
