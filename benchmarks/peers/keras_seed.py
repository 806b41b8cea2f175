"""The model to beat, in Keras on TensorFlow, as its users write it."""

import os
import sys
import time
from functools import partial

import numpy as np
import seed_task
from peers.serve import serve, time_prediction

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
N_THREADS = int(os.environ["OMP_NUM_THREADS"])


def build_model(n_layers):
    """Convolutions, LSTM, convolutions; attention over all tokens; two dense layers.

    A query weighs the tokens by its dot product with each and softmax; before that each
    token reads each other, if ``n_layers`` is 1.
    """
    from keras import Input, Model, layers

    image = Input((seed_task.IMAGE_SIZE, seed_task.IMAGE_SIZE, 3))
    x = layers.Rescaling(1 / 255)(image)
    for filters in (32, 64):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    image_tokens = layers.Reshape((-1, 64))(x)

    text = Input((None,), dtype="int32")
    x = layers.Embedding(seed_task.VOCABULARY_SIZE, 128)(text)
    x = layers.LSTM(128, return_sequences=True)(x)
    text_tokens = layers.Dense(64)(x)

    audio = Input((None, seed_task.N_BANDS))
    x = layers.Conv1D(64, 3, padding="same", activation="relu")(audio)
    x = layers.Conv1D(64, 3, padding="same", activation="relu")(x)
    audio_tokens = layers.MaxPooling1D(2)(x)

    tokens = layers.Concatenate(axis=1)([image_tokens, text_tokens, audio_tokens])
    for _ in range(n_layers):
        attended = layers.MultiHeadAttention(4, 16)(tokens, tokens)
        tokens = layers.LayerNormalization()(layers.Add()([tokens, attended]))
    weights = layers.Softmax(axis=1)(layers.Dense(1)(tokens))
    x = layers.Flatten()(layers.Dot(axes=1)([weights, tokens]))
    x = layers.Dense(128, activation="relu")(x)
    return Model([image, text, audio], layers.Dense(1, activation="sigmoid")(x))


def main():
    """Serve: ``python keras_seed.py TASK.npz``."""
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(N_THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(N_THREADS)
    train, test = seed_task.load(sys.argv[1])
    x_train = [train.images, train.texts, train.sounds]
    x_test = [test.images, test.texts, test.sounds]

    def run(seed, epochs, batch_size, n_layers):
        keras.utils.set_random_seed(seed)
        model = build_model(n_layers)
        model.compile("adam", "binary_crossentropy")
        # Tracing is not timed: a few batches of each, then the first weights again.
        first = model.get_weights()
        few = [x[: batch_size + 1] for x in x_train]
        model.fit(few, train.y[: batch_size + 1], batch_size=batch_size, verbose=0)
        model.predict([x[:300] for x in x_test], batch_size=256, verbose=0)
        model.set_weights(first)
        began = time.perf_counter()
        model.fit(x_train, train.y, batch_size=batch_size, epochs=epochs, verbose=0)
        fit_seconds = time.perf_counter() - began
        seconds, probability = time_prediction(
            partial(model.predict, x_test, batch_size=256, verbose=0)
        )
        return {
            "fit": fit_seconds,
            "predict": seconds,
            "accuracy": float(np.mean((probability[:, 0] > 0.5) == test.y)),
            "parameters": sum(int(np.prod(w.shape)) for w in model.trainable_weights),
        }

    serve(run, ["keras", "tensorflow-cpu"])


if __name__ == "__main__":
    main()
