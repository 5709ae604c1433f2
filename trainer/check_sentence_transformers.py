"""Loads a folder written by `trainer export --format sentence-transformers` with the real library and compares its vectors.

    pip install sentence-transformers
    python trainer/check_sentence_transformers.py FOLDER
"""

import json
import sys
from pathlib import Path

import numpy
from sentence_transformers import SentenceTransformer

TOLERANCE = 1e-5

folder = Path(sys.argv[1])
model = SentenceTransformer(str(folder), device="cpu")
goldens = json.loads((folder / "golden.json").read_text())
worst = 0.0
for golden in goldens:
    vector = model.encode(golden["text"], prompt_name=golden["role"])
    worst = max(worst, float(numpy.abs(vector - numpy.array(golden["vector"], dtype=numpy.float32)).max()))
print(f"{len(goldens)} texts, {len(vector)} numbers each, largest difference {worst:.1e}")
print(model)
sys.exit(worst > TOLERANCE)
