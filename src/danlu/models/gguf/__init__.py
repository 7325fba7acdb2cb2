"""GGUF in and out: the single-file format of llama.cpp, read into and written from Hugging Face directories."""
