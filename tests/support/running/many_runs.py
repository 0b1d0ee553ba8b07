"""Runs of `cmlc-run` on folders of pictures, and what it writes."""

import csv
import json
from pathlib import Path

import numpy as np
from cmlc.tools import cmlc_run
from PIL import Image

DIGITS = Path(__file__).parents[2] / "data" / "digits.mlmodel"
ORDER = ["a/2.png", "a/10.png", "b/c/1.png", *(f"d{n}.png" for n in range(1, 18))]


def picture(path, seed):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def pictures(order=ORDER):
    for seed, name in enumerate(order):
        picture(Path("photos", name), seed)
    return [f"photos/{name}" for name in order]


def run(*arguments, model=DIGITS):
    return cmlc_run.main([str(model), "--interpret", *map(str, arguments)])


def rows(path="r.csv"):
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t" if path.endswith(".tsv") else ","))


def objects(path="r.jsonl"):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]
