"""Compare the token ids of a column of texts with the counts of CountVectorizer.

The texts are the paragraphs of the Python manual that the interpreter brings
(``pydoc_data``), repeated in another order of words up to the number asked for; one
core on both sides. CountVectorizer gives how often each word occurs, and leaves out
marks and single letters; TextTransformer gives every token in its order: words, or by
"bpe" the parts of words that it learns when it is fitted.

    python benchmarks/tokenizing.py
"""

import argparse
from functools import partial
from pydoc_data.topics import topics

import numpy as np
import pandas as pd
import report
from sklearn.feature_extraction.text import CountVectorizer
from timing import interleave, ratio

from sklearn_mm import TextTransformer

TOKENIZERS = ("word", "bpe")


def make_texts(n_texts):
    """Take paragraphs of the manual; further ones are old ones with words shuffled."""
    texts = [
        " ".join(paragraph.split())
        for topic in topics.values()
        for paragraph in topic.split("\n\n")
        if len(paragraph.split()) >= 5
    ]
    rng = np.random.default_rng(0)
    for i in range(n_texts - len(texts)):
        texts.append(" ".join(rng.permutation(texts[i].split())))
    return texts[:n_texts]


def count_differences(texts):
    """Count the words whose counts over all texts differ between the two."""
    vectorizer = CountVectorizer(token_pattern=r"[^\W_]{2,}")
    counts = np.asarray(vectorizer.fit_transform(texts).sum(axis=0)).ravel()
    reference = dict(zip(vectorizer.get_feature_names_out(), counts, strict=True))
    transformer = TextTransformer(
        min_frequency=1, max_tokens=None, vocabulary_size=10**6
    )
    ids = transformer.fit_transform(texts).values
    own = np.bincount(ids, minlength=len(transformer.vocabulary_))
    own = {
        word: own[i]
        for word, i in transformer.vocabulary_.items()
        if len(word) > 1 and word.isalnum()
    }
    words = own.keys() | reference.keys()
    return sum(own.get(word) != reference.get(word) for word in words), len(words)


def _fit_transform(tokenizer, texts):
    return TextTransformer(tokenizer).fit_transform(texts)


def main():
    """Compare fit_transform and transform, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    texts = make_texts(options.rows)
    vectorizer = CountVectorizer().fit(texts)
    sides = {
        "theirs, fit_transform": lambda: CountVectorizer().fit_transform(texts),
        "theirs, transform": lambda: vectorizer.transform(texts),
    }
    for name in TOKENIZERS:
        fitted = TextTransformer(name).fit(texts)
        sides[f"{name}, fit_transform"] = partial(_fit_transform, name, texts)
        sides[f"{name}, transform"] = partial(fitted.transform, texts)
    seconds = interleave(sides, options.repeats)
    table = pd.DataFrame(
        {
            "tokenizer": name,
            "method": method,
            "CountVectorizer, s": np.median(seconds[f"theirs, {method}"]).round(3),
            "TextTransformer, s": np.median(seconds[f"{name}, {method}"]).round(3),
            "times as fast": ratio(
                seconds[f"theirs, {method}"], seconds[f"{name}, {method}"]
            ),
        }
        for name in TOKENIZERS
        for method in ("fit_transform", "transform")
    )
    n_words = np.mean([len(text.split()) for text in texts])
    different, compared = count_differences(texts)
    text = (
        f"Tokenizing {options.rows} texts of {n_words:.0f} words on average, default "
        "parameters, one core. Median\n(smallest to largest) of "
        f"{options.repeats} interleaved rounds.\n\n{table.to_string(index=False)}\n\n"
        f"Words of two letters and more whose counts differ: {different} of {compared}."
    )
    report.write("tokenizing", text)


if __name__ == "__main__":
    main()
