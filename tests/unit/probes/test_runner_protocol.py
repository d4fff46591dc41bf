"""The runner's output is read the same however it is cut, and no output can break the reader."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nestproof.probes.runner_protocol import FrameReader, Record

NONCE = "nestproof-0123"
HELLO = b"nestproof-0123 users 0 100.00 100.25 6 3\nhello\nerr"
GREETING = Record("users", 0, "hello\n", "err", 0.25)


def read(*chunks: bytes) -> list[Record]:
    reader = FrameReader(NONCE)
    return [record for chunk in chunks for record in reader.feed(chunk)]


def test_a_frame_is_a_record() -> None:
    assert read(HELLO) == [Record("users", 0, "hello\n", "err", 0.25)]


def test_a_frame_may_be_empty() -> None:
    assert read(b"nestproof-0123 users 7 1.00 1.00 0 0\n") == [Record("users", 7, "", "", 0.0)]


def test_frames_follow_each_other_without_a_separator() -> None:
    assert [record.name for record in read(HELLO + HELLO.replace(b"users", b"seccomp"))] == [
        "users",
        "seccomp",
    ]


def test_a_record_comes_with_its_last_byte() -> None:
    reader = FrameReader(NONCE)
    assert reader.feed(HELLO[:-1]) == []
    assert len(reader.feed(HELLO[-1:])) == 1


def test_padded_numbers_are_read() -> None:
    # Some `wc -c` pad what they print.
    assert read(b"nestproof-0123 users 0 1.00 1.00      2       0\nok") == [Record("users", 0, "ok", "", 0.0)]


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert read(b"nestproof-0123 users 0 1.00 1.00 1 1\n\xff\xfe") == [
        Record("users", 0, "\ufffd", "\ufffd", 0.0)
    ]


def test_a_clock_that_goes_back_gives_no_negative_time() -> None:
    assert read(b"nestproof-0123 users 0 2.00 1.00 0 0\n")[0].seconds == 0.0


def test_a_frame_of_another_nonce_is_noise() -> None:
    reader = FrameReader(NONCE)
    assert reader.feed(b"nestproof-9999 users 0 1.00 1.00 0 0\n" + HELLO) == [
        Record("users", 0, "hello\n", "err", 0.25)
    ]
    assert bytes(reader.noise) == b"nestproof-9999 users 0 1.00 1.00 0 0\n"


def test_what_looks_like_a_frame_inside_a_frame_is_its_content() -> None:
    inner = b"nestproof-0123 seccomp 0 1.00 1.00 0 0\n"
    outer = b"nestproof-0123 users 1 1.00 1.00 %d 0\n" % len(inner)
    assert read(outer + inner) == [Record("users", 1, inner.decode(), "", 0.0)]


def test_what_comes_outside_of_frames_is_kept_as_noise() -> None:
    reader = FrameReader(NONCE)
    records = reader.feed(b"sh: 1: not found\n" + HELLO + b"\n\x00\xff\n")
    assert len(records) == 1
    assert bytes(reader.noise) == b"sh: 1: not found\n\n\x00\xff\n"


@pytest.mark.timeout(3)  # a reader that is led round in circles must not take the machine's memory with it
@pytest.mark.parametrize(
    "header",
    [
        b"nestproof-0123 users 0 1.00 1.00 x 0",
        b"nestproof-0123 users 0 1.00 1.00 0 1.5",
        b"nestproof-0123 users 0 1.00 1.00 -100 0",
        b"nestproof-0123 users 0 1.00 1.00 0 -1",
        b"nestproof-0123 users 0 1.00 1.00 9 -9",
        b"nestproof-0123 users zero 1.00 1.00 0 0",
        b"nestproof-0123 users 0 now 1.00 0 0",
        b"nestproof-0123 users 0 1.00 then 0 0",
        b"nestproof-0123 users 0 1.00 1.00 " + b"9" * 5000 + b" 0",
        b"nestproof-0123 \xff 0 1.00 1.00 x 0",
        b"nestproof-0123 \xff\xff 0 1.00 1.00 0 x",
        b"nestproof-0123 users 0 1.00 1.00 0",
        b"nestproof-0123 users 0 1.00 1.00 0 0 0",
        b"nestproof-0123",
        b"",
        b"\xff",
    ],
)
def test_a_line_that_is_no_header_is_noise_and_the_next_frame_is_read(header: bytes) -> None:
    reader = FrameReader(NONCE)
    assert reader.feed(header + b"\n" + HELLO) == [Record("users", 0, "hello\n", "err", 0.25)]
    assert bytes(reader.noise) == header + b"\n"


def test_after_a_name_that_is_no_text_the_next_frame_is_read() -> None:
    reader = FrameReader(NONCE)
    assert reader.feed(b"nestproof-0123 \xff 0 1.00 1.00 0 0\n" + HELLO) == [GREETING]
    assert bytes(reader.noise) == b"nestproof-0123 \xff 0 1.00 1.00 0 0\n"


def test_a_time_that_is_no_number_of_seconds_is_not_believed() -> None:
    # "inf" and "nan" are numbers to Python, and no JSON.
    for end in (b"inf", b"nan", b"1e999"):
        assert read(b"nestproof-0123 users 0 1.00 %s 0 0\n" % end + HELLO) == [GREETING]


NAMES = st.sampled_from(["users", "seccomp", "bwrap-basic"])
OUTPUT = st.binary(max_size=40) | st.just(HELLO) | st.sampled_from([b"\n", b"nestproof-0123 ", b"\r\n\x00"])
FRAMES = st.lists(st.tuples(NAMES, st.integers(0, 255), OUTPUT, OUTPUT), max_size=5)
NOISE = st.sampled_from([b"", b"noise\n", b"nestproof-9999 users 0 1 1 0 0\n", b"\n"])


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[begin:end] for begin, end in itertools.pairwise(edges)]


@settings(deadline=None)
@given(FRAMES, NOISE, st.lists(st.integers(0, 1000), max_size=12))
def test_any_cuts_give_the_same_records(
    frames: list[tuple[str, int, bytes, bytes]], noise: bytes, places: list[int]
) -> None:
    stream, expected = b"", []
    for name, status, out, err in frames:
        header = f"nestproof-0123 {name} {status} 1.00 1.50 {len(out)} {len(err)}\n"
        stream += noise + header.encode() + out + err
        expected.append(Record(name, status, out.decode(errors="replace"), err.decode(errors="replace"), 0.5))
    assert read(*cut(stream, places)) == expected


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60)))
def test_any_bytes_are_noise_and_a_frame_on_the_next_line_is_read(chunks: list[bytes]) -> None:
    assert read(*chunks, b"\n", HELLO) == [GREETING]


# Lengths below zero are asked about above, where a reader that never ends is ended.
TOKENS = st.sampled_from([b"0", b"1.5", b"x", b"3", b"\xff", b"nan", b"9" * 30, b"1_0"])


@settings(deadline=None)
@given(st.lists(st.lists(TOKENS, min_size=6, max_size=6), min_size=1, max_size=3))
def test_any_words_behind_the_nonce_are_survived(lines: list[list[bytes]]) -> None:
    stream = b"".join(b"nestproof-0123 " + b" ".join(words) + b"\n" for words in lines)
    # Lengths that are read take what follows as content: there is enough of it, in lines.
    assert read(stream, b"\n" * 30, HELLO)[-1:] == [GREETING]
