"""The classical reading of each kind of column: what serves it best beside a network.

Each function makes a classifier and a regressor, pipelines of scikit-learn, for
:class:`CrossFitTransformer`; :func:`make_multimodal_union` puts them into its union.
"""
