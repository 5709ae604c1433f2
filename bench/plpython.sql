-- What people write today: ONNX Runtime in PL/Python, one session for each connection, kept in GD. A graph is WEIGHTS/PRECISION.
CREATE FUNCTION py_model(graph text) RETURNS void LANGUAGE plpython3u AS $$
import os, sys
sys.path.insert(0, '@python@')
os.environ.update(OMP_NUM_THREADS='1', TOKENIZERS_PARALLELISM='false', ORT_DISABLE_TELEMETRY='1')
import numpy, onnxruntime, tokenizers
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(f'@rivals@/{graph}.onnx', options, providers=['CPUExecutionProvider'])
tokenizer = tokenizers.Tokenizer.from_file(f'@rivals@/{os.path.dirname(graph)}/tokenizer.json')
tokenizer.enable_truncation(512)
tokenizer.enable_padding(pad_id=tokenizer.token_to_id('<pad>'), pad_token='<pad>')

def embed(texts):
    encodings = tokenizer.encode_batch(['passage: ' + text for text in texts])
    ids = numpy.array([e.ids for e in encodings], dtype=numpy.int64)
    mask = numpy.array([e.attention_mask for e in encodings], dtype=numpy.int64)
    return session.run(['sentence_embedding'], {'input_ids': ids, 'attention_mask': mask})[0]

GD[graph] = embed
$$;

CREATE FUNCTION py_embed(content text, graph text) RETURNS vector LANGUAGE plpython3u STABLE STRICT AS $$
if graph not in GD:
    plpy.execute("SELECT py_model('" + graph + "')")
return str(GD[graph]([content])[0].tolist())
$$;

-- Sorted by length and in batches of 4, as the rivals outside the server are.
CREATE FUNCTION py_embed_all(contents text[], graph text) RETURNS vector[] LANGUAGE plpython3u STABLE STRICT AS $$
if graph not in GD:
    plpy.execute("SELECT py_model('" + graph + "')")
order = sorted(range(len(contents)), key=lambda i: len(contents[i]))
vectors = [None] * len(contents)
for start in range(0, len(order), 4):
    batch = order[start:start + 4]
    for i, vector in zip(batch, GD[graph]([contents[i] for i in batch])):
        vectors[i] = str(vector.tolist())
return vectors
$$;
