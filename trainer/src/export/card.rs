//! The model card, filled from the bundle itself.

use encoder::Manifest;

use super::Bits;
use super::verify::Agreement;
use crate::checkpoint::Checkpoint;

pub fn of_bundle(manifest: &Manifest, checkpoint: &Checkpoint, agreement: &Agreement, note: Option<&str>) -> String {
    let Manifest { precision, runtime, prefix, .. } = manifest;
    let graph = match precision == Bits::Int8.name() {
        true => {
            "takes `input_ids` (int64, batch x tokens, all of one length) and gives `sentence_embedding` (float32, batch x width). Its
operators are of the domain `drugembed`, which the project's encoder adds to ONNX Runtime: weights have 8 bits, activations ACTIVATIONS, and a text
has the same vector, bit by bit, in any batch and on any processor. For a plain ONNX Runtime export with `--precision fp32`."
        }
        false => {
            "takes `input_ids` and `attention_mask` (int64, batch x tokens) and gives `sentence_embedding` (float32, batch x width)."
        }
    };
    let usage = format!(
        "`model.onnx` {}
Put the prefix before the text: `{}` before what is to be found, `{}` before a question, `{}` before both
sides of a comparison.",
        graph.replace("ACTIVATIONS", &checkpoint.config.activation_bits.unwrap_or(14).to_string()),
        prefix.document,
        prefix.query,
        prefix.similarity
    );
    let precision =
        format!("{precision}; {agreement} against the checkpoint |\n| made and checked with | ONNX Runtime {runtime}");
    text(manifest, checkpoint, &precision, &usage, note)
}

pub fn of_sentence_transformers(manifest: &Manifest, checkpoint: &Checkpoint, note: Option<&str>) -> String {
    let usage = "```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer(\"FOLDER\")
names = model.encode([\"타이레놀정500밀리그램\", \"훼스탈플러스정\"], prompt_name=\"document\")
question = model.encode(\"열을 내리는 약\", prompt_name=\"query\")
print(model.similarity(question, names))
```

The prompts put the prefixes before the text: `document` before what is to be found, `query` before a question, `similarity` before
both sides of a comparison.";
    text(manifest, checkpoint, "fp32", usage, note)
}

fn text(manifest: &Manifest, checkpoint: &Checkpoint, precision: &str, usage: &str, note: Option<&str>) -> String {
    let config = &checkpoint.config;
    let history: String =
        checkpoint.config.origin.iter().flat_map(|origin| &origin.history).map(|step| format!("* {step}\n")).collect();
    let note = note.map(|note| format!("\n{}\n", note.trim_end())).unwrap_or_default();
    let mixing = match &manifest.space {
        Some(space) => format!(
            "Its vectors may be compared with those of `{space}` and of that model's other students, with no others."
        ),
        None => "Vectors of different revisions must not be mixed.".to_owned(),
    };
    format!(
        "# {id}

Turns Korean (and English) drug text into vectors of {dim} numbers for semantic search. Used by the PostgreSQL extension
drugembed.

| | |
|---|---|
| base model | {base} ({base_revision}) |
| licence | {license}, as the base model |
| layers, width, tokens in the vocabulary | {layers}, {dim}, {vocabulary} |
| longest input | {max_tokens} tokens, prefix and special tokens included |
| pooling | mean over tokens, then L2-normalised |
| precision | {precision} |

## How to use it
{usage} {mixing}
{note}
## Limits
* A search aid, not medical advice: a high similarity says that two texts are alike, not that a drug is right or safe for anyone.
* It knows words, not doses, interactions or a patient; numbers and negations weigh little in its vectors.
* No fixed cosine tells related from unrelated texts: compare cosines with each other.
* Characters outside Korean, Latin, Greek, digits, punctuation and common Hanja may be unknown to the vocabulary.

## What happened to the weights
{history}",
        id = manifest.id(),
        dim = manifest.dim,
        base = manifest.base_model,
        base_revision = manifest.base_revision,
        license = manifest.license,
        layers = config.num_hidden_layers,
        vocabulary = config.vocab_size,
        max_tokens = manifest.max_tokens,
    )
}
