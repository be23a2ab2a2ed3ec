"""A Keras network on pictures of digits: train it, and save it and a picture to try it with.

Run it in the checkout's folder:

    .venv/bin/pip install tensorflow scikit-learn pillow
    .venv/bin/python docs/examples/strokes.py
"""

# %% The data: 1,797 digits of 8 x 8 pixels, gray, from 0 to 1
import keras
from PIL import Image
from sklearn.datasets import load_digits

digits = load_digits()
pixels = digits.images[..., None] / 16

# %% Train
keras.utils.set_random_seed(0)
picture = keras.Input((8, 8, 1), name="picture")
features = keras.layers.Conv2D(16, 3, activation="relu")(picture)
digit = keras.layers.Dense(10, activation="softmax")(keras.layers.Flatten()(features))
network = keras.Model(picture, digit)
network.compile("adam", "sparse_categorical_crossentropy")
network.fit(pixels, digits.target, epochs=5, verbose=0)

# %% Save: `lambake bake strokes.keras` makes a bundle of it
network.save("strokes.keras")
Image.fromarray((digits.images[13] * 255 / 16).astype("uint8")).save("three.png")
