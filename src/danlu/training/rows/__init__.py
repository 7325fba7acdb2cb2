"""Which tokens stand in one row together, and in what order rows come: pure functions of (store, seed, place)."""
