"""Whether ways of training that must give the same result do, on a user's own stage; `table` names them all."""
