"""Who may use what: licences, consent and origin of sources, as the recipe states them."""
