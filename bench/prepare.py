"""What the rivals run, made once.

    prepare.py trim CHECKPOINT BUNDLE OUTPUT   the checkpoint with the vocabulary of the bundle, so that all engines run one vocabulary
    prepare.py quantize FP32 INT8              ONNX Runtime's own dynamic int8 of an fp32 graph
    prepare.py openvino CHECKPOINT OUTPUT CSV  OpenVINO's fp32.xml, and int8.xml by NNCF, calibrated on the names of a table of products
    prepare.py ctranslate2 CHECKPOINT OUTPUT   CTranslate2's folder of 8-bit weights

CHECKPOINT is a folder that sentence-transformers loads (trim: one in Hugging Face's layout).
"""

import csv
import json
import os
import shutil
import sys
from pathlib import Path

EMBEDDINGS = "embeddings.word_embeddings.weight"
PREFIX = "passage: "


def tokens(folder):
    vocabulary = json.loads(Path(folder, "tokenizer.json").read_text())["model"]["vocab"]
    return [token for token, _ in vocabulary]


def trim(checkpoint, bundle, output):
    from safetensors.numpy import load_file, save_file

    row = {token: i for i, token in enumerate(tokens(checkpoint))}
    rows = [row[token] for token in tokens(bundle)]
    tensors = load_file(Path(checkpoint, "model.safetensors"))
    name = next(name for name in tensors if name.endswith(EMBEDDINGS))
    tensors[name] = tensors[name][rows]
    Path(output).mkdir(parents=True)
    save_file(tensors, Path(output, "model.safetensors"))
    shutil.copy(Path(bundle, "tokenizer.json"), output)
    config = json.loads(Path(checkpoint, "config.json").read_text())
    Path(output, "config.json").write_text(json.dumps(config | {"vocab_size": len(rows)}, indent=2))


def quantize(source, target):
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # The graph has fused operators, whose output types onnx does not know.
    quantize_dynamic(source, target, weight_type=QuantType.QInt8, extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})


def openvino(checkpoint, output, table):
    """By way of PyTorch, as optimum does; the mean over the tokens is in the graph, as in ONNX Runtime's."""
    os.environ["CI"] = "true"  # nothing is told to openvino-telemetry
    import nncf
    import numpy
    import openvino
    import tokenizers
    import torch
    import transformers

    class Sentence(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = transformers.BertModel.from_pretrained(checkpoint, add_pooling_layer=False)

        def forward(self, input_ids, attention_mask):
            hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            return torch.nn.functional.normalize((hidden * attention_mask.unsqueeze(-1)).sum(dim=1))

    tokenizer = tokenizers.Tokenizer.from_file(f"{checkpoint}/tokenizer.json")
    tokenizer.enable_truncation(512)
    with open(table) as file:
        names = sorted({row["item_name"] for row in csv.DictReader(file)})
    ids = [numpy.array([encoding.ids]) for encoding in tokenizer.encode_batch([PREFIX + name for name in names])]
    texts = [{"input_ids": row, "attention_mask": numpy.ones_like(row)} for row in ids]

    example = {name: torch.ones(2, 9, dtype=torch.int64) for name in texts[0]}
    with torch.no_grad():
        model = openvino.convert_model(Sentence().eval(), example_input=example, input=[(name, [-1, -1], numpy.int64) for name in example])
    Path(output).mkdir(parents=True)
    openvino.save_model(model, f"{output}/fp32.xml", compress_to_fp16=False)
    quantized = nncf.quantize(model, nncf.Dataset(texts), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(texts))
    openvino.save_model(quantized, f"{output}/int8.xml", compress_to_fp16=False)


def ctranslate2(checkpoint, output):
    from ctranslate2.converters import TransformersConverter

    # The converter asks for what transformers 5 no longer knows by itself.
    config = Path(checkpoint, "config.json")
    config.write_text(json.dumps(json.loads(config.read_text()) | {"position_embedding_type": "absolute"}, indent=2))
    TransformersConverter(checkpoint).convert(output, quantization="int8")


{"trim": trim, "quantize": quantize, "openvino": openvino, "ctranslate2": ctranslate2}[sys.argv[1]](*sys.argv[2:])
