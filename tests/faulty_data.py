"""Folders of generated photos and texts, good ones and such with faults planted in them."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

WORDS = """film plot actor scene music light story joke drama camera cut hero end start slow quick
dull bright warm cold rich poor old new long short loud calm deep thin wild tame""".split()  # noqa: SIM905


def photo(seed: int, size: tuple[int, int] = (96, 72)) -> Image.Image:
    """A smooth picture in colour, another one for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def add_photos(folder: Path, count: int, seed: int) -> Path:
    """Write `count` photos, all of them different."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        photo(1000 * seed + index).save(folder / f"{index:02}.jpg", quality=90)
    return folder


def good_photos(root: Path) -> Path:
    """A divided folder of two classes without any fault."""
    for seed, (split, count) in enumerate((("train", 16), ("val", 6))):
        add_photos(root / split / "ants", count, 10 * seed + 1)
        add_photos(root / split / "bees", count, 10 * seed + 2)
    return root


def sixteen_bit_colour() -> bytes:
    """A PNG of 16 bits for each colour, which Pillow cannot write."""
    rows = b"".join(b"\0" + np.random.default_rng(5).bytes(40 * 6) for _ in range(30))
    header = struct.pack(">IIBBBBB", 40, 30, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def plant_image_faults(root: Path) -> dict[str, str]:
    """Plant faults in a folder of `good_photos`.

    Returns:
        For each kind of finding a part of the name of what must be found.
    """
    train, val = root / "train", root / "val"
    whole = (train / "ants" / "00.jpg").read_bytes()
    (train / "ants" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (train / "ants" / "page.png").write_bytes(b"<html><body>not found</body></html>")
    (train / "ants" / "nothing.jpg").write_bytes(b"")
    (train / "ants" / "head only.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 90)
    (train / "ants" / "lost.jpg").symlink_to("nowhere.jpg")
    (train / "ants" / "deep.png").write_bytes(sixteen_bit_colour())
    photo(201).convert("CMYK").save(train / "bees" / "print.jpg", quality=90)
    frames = [photo(seed).convert("P") for seed in (202, 203, 204)]
    frames[0].save(train / "bees" / "moves.gif", save_all=True, append_images=frames[1:])
    exif = Image.Exif()
    exif[0x0112] = 6
    photo(205).save(train / "bees" / "lying.jpg", exif=exif, quality=90)
    photo(206).convert("L").save(train / "bees" / "grey.jpg", quality=90)
    photo(207).save(train / "bees" / "really.png", "JPEG", quality=90)
    Image.open(train / "ants" / "01.jpg").resize((192, 144)).save(val / "ants" / "again.png")
    shutil.copy(train / "ants" / "02.jpg", val / "ants" / "same.jpg")
    shutil.copy(train / "ants" / "03.jpg", train / "bees" / "both.jpg")
    Image.open(train / "bees" / "03.jpg").save(train / "ants" / "contrary.jpg", quality=40)
    shutil.copy(train / "bees" / "04.jpg", train / "bees" / "twice.jpg")
    Image.open(train / "bees" / "05.jpg").save(train / "bees" / "saved again.jpg", quality=50)
    Image.new("RGB", (96, 72)).save(train / "bees" / "black.jpg")
    photo(208, (6, 5)).save(train / "bees" / "tiny.png")
    photo(209, (800, 600)).save(train / "bees" / "giant.jpg")
    photo(210, (400, 60)).save(train / "bees" / "banner.jpg")
    add_photos(train / "wasps", 4, 31)
    add_photos(val / "flies", 3, 32)
    (train / "ants" / ".hidden.jpg").write_bytes(whole)
    photo(211).save(train / "ants" / "été à Paris.jpg")
    (train / "ants" / "round").symlink_to(train / "ants")
    (train / "bees" / "self.jpg").symlink_to("self.jpg")
    (train / "ants" / "notes.doc").write_text("x")
    photo(212).save(train / "cover.jpg")
    photo(213).save(os.fsencode(train / "ants") + b"/caf\xe9.jpg", "JPEG")
    photo(214).save(train / "ants" / "NAME.jpg")
    photo(215).save(train / "ants" / "name.jpg")
    return {
        "truncated": "cut.jpg",
        "not_an_image": "page.png",
        "empty_file": "nothing.jpg",
        "damaged": "head only.png",
        "broken_link": "lost.jpg",
        "sixteen_bit": "deep.png",
        "cmyk": "print.jpg",
        "animation": "moves.gif",
        "rotated": "lying.jpg",
        "grey_among_colour": "grey.jpg",
        "wrong_suffix": "really.png",
        "near_copies_across_splits": "again.png",
        "copies_across_splits": "same.jpg",
        "copies_with_different_labels": "both.jpg",
        "near_copies_with_different_labels": "contrary.jpg",
        "copies": "twice.jpg",
        "near_copies": "saved again.jpg",
        "flat_image": "black.jpg",
        "very_small": "tiny.png",
        "very_large": "giant.jpg",
        "extreme_shape": "banner.jpg",
        "class_not_judged": "wasps",
        "class_not_in_train": "flies",
        "imbalance": "wasps",
        "hidden": ".hidden.jpg",
        "unusual_name": "été à Paris.jpg",
        "link_loop": "round",
        "other_files": "notes.doc",
        "outside_classes": "cover.jpg",
        "name_not_unicode": "\udce9",
        "names_clash": "NAME.jpg",
    }


def text(seed: int, words: int = 20) -> str:
    """A line of words, another one for each seed."""
    return " ".join(np.random.default_rng(seed).choice(WORDS, words))


def good_texts(root: Path) -> Path:
    """A divided folder of two classes without any fault."""
    for split, count, start in (("train", 20, 0), ("val", 6, 300), ("test", 8, 500)):
        for offset, label in enumerate(("bad", "good")):
            folder = root / split / label
            folder.mkdir(parents=True)
            for index in range(count):
                path = folder / f"{index:02}.txt"
                path.write_text(text(start + 100 * offset + index), "utf-8")
    return root


def plant_text_faults(root: Path) -> dict[str, str]:
    """Plant faults in a folder of `good_texts`; see `plant_image_faults`."""
    train, test = root / "train", root / "test"
    first = (train / "bad" / "00.txt").read_text()
    (train / "bad" / "empty.txt").write_text("\n \n")
    (train / "bad" / "photo.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    (train / "bad" / "windows.txt").write_bytes(f"{text(901)} caf\xe9 na\xefve".encode("cp1252"))
    (train / "bad" / "broken.txt").write_bytes(f"{text(902)} é à ü ö".encode() + b" \xff end")
    (train / "bad" / "zero.txt").write_bytes(f"{text(903, 200)} a\0b".encode())
    (train / "good" / "marked.txt").write_bytes(b"\xef\xbb\xbf" + text(904).encode())
    (train / "good" / "line.txt").write_text(text(905, 30_000))
    (train / "good" / "mojibake.txt").write_text(f"{text(906)} cafÃ© donâ€™t", "utf-8")
    (train / "good" / "dots.txt").write_text("... !!!")
    (train / "good" / "one.txt").write_text("superb")
    (train / "good" / "contrary.txt").write_text(first)
    (train / "good" / "twice.txt").write_text((train / "good" / "01.txt").read_text())
    (test / "bad" / "leak.txt").write_text((train / "bad" / "02.txt").read_text())
    words = (train / "bad" / "03.txt").read_text().split()
    (test / "bad" / "near.txt").write_text(" ".join([*words[:-1], "else"]).upper() + "!")
    words = (train / "bad" / "04.txt").read_text().split()
    (train / "good" / "nearly.txt").write_text(" ".join([*words[:-1], "other"]))
    words = (train / "good" / "05.txt").read_text().split()
    (train / "good" / "reworded.txt").write_text(" ".join(["so", *words[1:]]))
    (train / "neutral").mkdir()
    (train / "neutral" / "a.txt").write_text(text(907))
    (test / "odd").mkdir()
    (test / "odd" / "a.txt").write_text(text(908))
    (train / "bad" / ".draft.txt").write_text(text(909))
    (train / "bad" / "data.csv").write_text("x")
    (train / "bad" / "loop").symlink_to(train)
    return {
        "empty_file": "empty.txt",
        "not_text": "photo.txt",
        "foreign_encoding": "windows.txt",
        "damaged_bytes": "broken.txt",
        "zero_bytes": "zero.txt",
        "byte_order_mark": "marked.txt",
        "long_line": "line.txt",
        "very_long": "line.txt",
        "twice_encoded": "mojibake.txt",
        "lost_letters": "broken.txt",
        "no_words": "dots.txt",
        "single_word": "one.txt",
        "copies_with_different_labels": "contrary.txt",
        "copies": "twice.txt",
        "copies_across_splits": "leak.txt",
        "near_copies_across_splits": "near.txt",
        "near_copies_with_different_labels": "nearly.txt",
        "near_copies": "reworded.txt",
        "class_not_judged": "neutral",
        "class_not_in_train": "odd",
        "imbalance": "neutral",
        "hidden": ".draft.txt",
        "other_files": "data.csv",
        "link_loop": "loop",
    }


def state_of(root: Path) -> str:
    """A hash over names, contents, links and times of all that a folder holds."""
    digest = hashlib.sha256()
    for here, folders, files in os.walk(root):
        for name in sorted([*folders, *files]):
            path = os.path.join(here, name)
            status = os.lstat(path)
            is_link = os.path.islink(path)
            content = os.fsencode(os.readlink(path)) if is_link else b""
            if not is_link and name in files:
                content = Path(path).read_bytes()
            told = os.fsencode(path), str((status.st_mtime_ns, status.st_mode)).encode(), content
            digest.update(b"\0".join(told))
    return digest.hexdigest()
