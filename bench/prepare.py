"""What the rivals run, made once.

    prepare.py trim CHECKPOINT BUNDLE OUTPUT   the checkpoint with the vocabulary of the bundle, so that all engines run one model
    prepare.py quantize FP32 INT8              ONNX Runtime's own dynamic int8 of an fp32 graph
"""

import json
import shutil
import sys
from pathlib import Path

EMBEDDINGS = "embeddings.word_embeddings.weight"


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


{"trim": trim, "quantize": quantize}[sys.argv[1]](*sys.argv[2:])
