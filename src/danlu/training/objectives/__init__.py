"""What is minimised, one file for each objective; `danlu.training.objectives.table` names them all."""
