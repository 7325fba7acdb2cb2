"""Language models: load, adapt, attend, convert. Definitions come from transformers and are never copied."""
