"""Documents and conversations that hold rows which models are to be evaluated on."""
