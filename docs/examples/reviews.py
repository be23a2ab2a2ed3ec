"""A text model in a Hugging Face folder: train it, and write the folder.

The tokenizer is trained by Hugging Face's tokenizers. The network is as small as can be, a weight
for each token, so that training takes a second. A transformer comes as the same folder:

    optimum-cli export onnx --model distilbert-base-uncased-finetuned-sst-2-english reviews

Run it in the checkout's folder:

    .venv/bin/pip install tokenizers scikit-learn onnx
    .venv/bin/python docs/examples/reviews.py
"""

# %% The data: reviews, and whether each is positive
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

reviews = ["a good film", "a fine story", "it was bad", "so dull", "good and fine", "bad and dull"]
positive = [1, 1, 0, 0, 1, 0]

# %% Train the tokenizer, and a weight for each of its tokens
tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
tokenizer.normalizer = normalizers.Lowercase()
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=["[PAD]", "[UNK]"])
tokenizer.train_from_iterator(reviews, trainer)

counts = np.zeros((len(reviews), tokenizer.get_vocab_size()))
for row, review in enumerate(reviews):
    np.add.at(counts[row], tokenizer.encode(review).ids, 1)
weights = LogisticRegression(C=10, fit_intercept=False).fit(counts, positive).coef_[0]

# %% Write the network as ONNX: the logits are the sums of the tokens' weights
tokens = helper.make_tensor_type_proto(TensorProto.INT64, ["batch", "sequence"])
logits = helper.make_tensor_type_proto(TensorProto.FLOAT, ["batch", 2])
constants = {
    "weights": np.stack([-weights, weights], axis=1).astype(np.float32) / 2,
    "last": np.array([2]),
    "sequence_axis": np.array([1]),
}
graph = helper.make_graph(
    [
        helper.make_node("Gather", ["weights", "input_ids"], ["scores"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["scores", "column"], ["masked"]),
        helper.make_node("ReduceSum", ["masked", "sequence_axis"], ["logits"], keepdims=0),
    ],
    "reviews",
    [helper.make_value_info(name, tokens) for name in ("input_ids", "attention_mask")],
    [helper.make_value_info("logits", logits)],
    [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
)
network = helper.make_model(
    graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="reviews"
)

# %% Write the folder: `lambake bake reviews` makes a bundle of it
folder = Path("reviews")
folder.mkdir(exist_ok=True)
onnx.save(network, folder / "model.onnx")
tokenizer.save(str(folder / "tokenizer.json"))
config = {
    "architectures": ["ReviewsForSequenceClassification"],
    "id2label": {"0": "NEGATIVE", "1": "POSITIVE"},
}
(folder / "config.json").write_text(json.dumps(config))
(folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 128}))
