"""What arrays become, messages in parts, the code of README.md, and the options that docs/python.md
names. Needs the package installed; what takes torch is in scripts/check-python."""

import io
import re
import subprocess
import sys
import unittest
import zipfile
from pathlib import Path

import numpy as np

from unnoise.images import zip_of
from unnoise.kernel import PART_BYTES, Parts, send_bytes


def names(archive: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(archive)).namelist()


def first(archive: bytes) -> bytes:
    return zipfile.ZipFile(io.BytesIO(archive)).read("00000.png")


class Images(unittest.TestCase):
    def test_folders_are_labels(self):
        images = np.zeros((2, 4, 4, 3), np.uint8)
        self.assertEqual(names(zip_of(images, ["cat", "dog"])), ["cat/00000.png", "dog/00001.png"])

    def test_floats_and_greys_are_bytes_of_colours(self):
        grey = np.array([[0.0, 1.0], [0.5, 0.25]])
        colours = np.stack([np.array([[0, 255], [128, 64]], np.uint8)] * 3, axis=2)
        self.assertEqual(first(zip_of([grey])), first(zip_of([colours])))

    def test_what_is_no_image_is_refused(self):
        for wrong in (np.zeros((2, 2, 2)), np.full((2, 2), 2.0), np.full((2, 2), 300), np.zeros(3)):
            with self.assertRaises(ValueError):
                zip_of([wrong])
        with self.assertRaises(ValueError):
            zip_of([np.zeros((2, 2))], ["cat", "dog"])


class Messages(unittest.TestCase):
    def test_what_is_sent_in_parts_arrives_whole(self):
        content = bytes(range(256)) * (PART_BYTES // 100)
        sent = []
        send_bytes(lambda message, buffers: sent.append((message, buffers)), {"type": "model"}, content)
        self.assertGreater(len(sent), 2)
        parts = Parts()
        # One that was broken off before.
        parts.add(*sent[0])
        received = [parts.add(message, buffers) for message, buffers in sent]
        self.assertEqual(received[:-1], [None] * (len(sent) - 1))
        self.assertEqual(received[-1], content)


class Readme(unittest.TestCase):
    def test_its_code_runs(self):
        text = Path(__file__).with_name("README.md").read_text()
        blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        self.assertTrue(blocks)
        for block in blocks:
            exec(block, {"array": np.zeros((2, 8, 8, 3), np.uint8)})


class Training(unittest.TestCase):
    def test_options_of_the_guide_exist(self):
        guide = Path(__file__).parent.with_name("docs") / "python.md"
        commands = re.findall(r"-m unnoise\.train ((?:\\\n|.)+)", guide.read_text())
        named = {option for command in commands for option in re.findall(r"--[\w-]+", command)}
        self.assertIn("--data", named)
        command = [sys.executable, "-m", "unnoise.train", "--help"]
        known = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        self.assertLessEqual(named, set(re.findall(r"--[\w-]+", known)))


if __name__ == "__main__":
    unittest.main()
