"""The drawings of one modality of one row, with the weights of its tokens over it."""

import numpy as np

from sklearn_mm.inspection.tokens import ABSENT

# Colours that differ for every kind of colour vision (Okabe & Ito 2008).
COLOURS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
    "#000000",
)
WEIGHT_COLOUR = COLOURS[3]
# Of the heaviest cell of an image, so that the image is seen through it.
MOST_OPAQUE = 0.6

# Sequences of more numbers a step are drawn as a spectrogram, others as lines.
MOST_LINES = 8
# The most features that get a bar.
MOST_BARS = 12
# Of a short text: points, and letters in a line. So many letters fill a panel.
FONT_SIZE = 10
LINE_LENGTH = 32
PANEL_LETTERS = 160


def colours_of(n_groups):
    """Choose a colour for each group: list."""
    if n_groups <= len(COLOURS):
        return list(COLOURS[:n_groups])
    from matplotlib import colormaps

    return list(colormaps["viridis"](np.linspace(0, 0.95, n_groups)))


def draw_panel(ax, name, tokens, values, kind, seconds=None):
    """Draw one modality of one row.

    Parameters
    ----------
    ax : matplotlib Axes
        Where.
    name : str
        Of the modality.
    tokens : DataFrame
        Its rows of the table of token weights.
    values : ndarray of shape (n_steps, *token_shape)
        What its encoder was given.
    kind : str
        As in :class:`sklearn_mm.FeatureBlock`.
    seconds : float, default=None
        The time from step to step.
    """
    ax.set_title(f"{name}: weight {tokens['weight'].sum():.2f}")
    if not len(tokens) or (tokens["label"] == ABSENT).all():
        ax.set(xticks=[], yticks=[])
        ax.text(0.5, 0.5, "absent", ha="center", va="center", transform=ax.transAxes)
    elif tokens["start"].isna().any():
        _draw_weights(ax, tokens["weight"], np.arange(len(tokens) + 1))
        ax.set(xlabel="token", ylabel="weight")
    elif kind == "image" and tokens["left"].notna().all():
        _draw_image(ax, tokens, values)
    elif kind == "tokens" and (tokens["label"] != "").any():
        _draw_words(ax, tokens)
    elif kind == "vector":
        _draw_features(ax, tokens)
    else:
        _draw_steps(ax, tokens, values, kind, seconds)


def _draw_image(ax, tokens, values):
    """Draw the images side by side in gray, and the weight of each pixel over them."""
    pixels = np.concatenate(list(values.astype(np.float64)), axis=2).mean(axis=0)
    width = values.shape[3]
    heat = np.zeros(pixels.shape)
    boxes = tokens[["start", "left", "top", "right", "bottom"]].to_numpy().astype(int)
    for (image, left, top, right, bottom), weight in zip(
        boxes, tokens["weight"], strict=True
    ):
        area = (bottom - top) * (right - left)
        columns = slice(image * width + left, image * width + right)
        heat[top:bottom, columns] += weight / area
    ax.imshow(pixels, cmap="gray")
    ax.imshow(heat, cmap=_shades(MOST_OPAQUE), vmin=0)
    ax.set(xticks=[], yticks=[], xlabel=_scale("cell", tokens["weight"]))


def _draw_words(ax, tokens):
    """Write the words line by line, each shaded by its weight."""
    from matplotlib import rcParams
    from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea, VPacker

    lines, n_letters = [[]], 0
    shades, largest = _shades(1.0), tokens["weight"].max()
    # A longer text is written smaller, in as many more lines as there are more letters.
    n_all = sum(len(word) + 2 for word in tokens["label"])
    scale = min(1.0, (PANEL_LETTERS / n_all) ** 0.5)
    size = scale * FONT_SIZE
    for word, weight in zip(tokens["label"], tokens["weight"], strict=True):
        if lines[-1] and n_letters + len(word) > LINE_LENGTH / scale:
            lines.append([])
            n_letters = 0
        n_letters += len(word) + 2
        shade = shades(weight / largest if largest > 0 else 0.0)
        box = {"boxstyle": "round,pad=0.2", "edgecolor": "none", "facecolor": shade}
        # A dollar sign would begin a formula, where there are any.
        text = word.replace("$", r"\$") if rcParams["text.parse_math"] else word
        lines[-1].append(TextArea(text, textprops={"bbox": box, "size": size}))
    rows = [HPacker(children=line, sep=0.8 * size, align="baseline") for line in lines]
    text = VPacker(children=rows, sep=0.9 * size, align="left")
    ax.add_artist(AnchoredOffsetbox("center", child=text, frameon=False))
    ax.set(xticks=[], yticks=[], xlabel=_scale("word", tokens["weight"]))


def _shades(most_opaque):
    """Make the colours from nothing, which is transparent, to the largest weight."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    # As four numbers: pairs of colour and opacity are known from matplotlib 3.11 on.
    ends = [to_rgba(WEIGHT_COLOUR, opacity) for opacity in (0.0, most_opaque)]
    return LinearSegmentedColormap.from_list("weight", ends)


def _scale(token, weights):
    return f"largest weight of a {token}: {weights.max():.2g}"


def _draw_features(ax, tokens):
    """Draw a bar for each feature, the heaviest on top."""
    heaviest = tokens.sort_values("weight", ascending=False).head(MOST_BARS)
    names = heaviest["label"].where(heaviest["label"] != "", "all features")
    ax.barh(np.arange(len(heaviest)), heaviest["weight"], color=WEIGHT_COLOUR)
    ax.set_yticks(np.arange(len(heaviest)), names)
    ax.invert_yaxis()
    ax.set(xlabel="weight")


def _draw_steps(ax, tokens, values, kind, seconds):
    """Draw a sequence over its steps or its time, and the weights over it."""
    step = 1.0 if seconds is None else seconds
    n_steps = len(values)
    if kind == "tokens":  # ids, of which no words are known
        ax.set(yticks=[])
    elif values.shape[1] > MOST_LINES:
        extent = (-0.5 * step, (n_steps - 0.5) * step, -0.5, values.shape[1] - 0.5)
        ax.imshow(values.T, origin="lower", aspect="auto", cmap="gray", extent=extent)
        ax.set_ylabel("band" if seconds is not None else "channel")
    else:
        for channel, colour in zip(values.T, COLOURS, strict=False):
            marker = None if n_steps > 1 else "o"
            ax.plot(np.arange(n_steps) * step, channel, color=colour, marker=marker)
        ax.set_ylabel("value")
    ax.set_xlabel("step" if seconds is None else "time (s)")
    over = ax.twinx()
    # Steps are drawn around their number, as the frames of a sound around their time.
    shift = 0.5 if seconds is None else 0.0
    edges = [*tokens["start"], tokens["end"].iloc[-1]]
    _draw_weights(over, tokens["weight"], np.asarray(edges) - shift)
    over.set_ylabel("weight", color=WEIGHT_COLOUR)
    over.tick_params(axis="y", colors=WEIGHT_COLOUR)


def _draw_weights(ax, weights, edges):
    ax.stairs(weights, edges, color=WEIGHT_COLOUR, linewidth=2, baseline=None)
    ax.set_ylim(0, 1.1 * max(weights.max(), np.finfo(float).tiny))
