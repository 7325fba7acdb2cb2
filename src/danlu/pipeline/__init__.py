"""The conductor: a recipe becomes a graph of stages, a plan, and a run that can be killed and goes on."""
