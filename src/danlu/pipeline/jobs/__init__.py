"""Files that hand a recipe to a scheduler, one file of code for each; `table` names them all."""
