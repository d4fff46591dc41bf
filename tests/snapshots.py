"""Recorded texts, one file each; `pytest --snapshot-update` writes them anew, and review sees the change."""

from __future__ import annotations

from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode


class TextExtension(SingleFileSnapshotExtension):
    """A text as it is, in a file of its own."""

    file_extension = "txt"
    _write_mode = WriteMode.TEXT
