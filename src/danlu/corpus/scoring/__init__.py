"""``do: train_scorer``: corpora -> kind ``scorer``, which gives texts a number: a classifier or a model of n-grams."""
