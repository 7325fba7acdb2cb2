"""One file for each ailment: from curves to what is wrong with them."""
