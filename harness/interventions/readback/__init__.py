"""Was done what was asked? Interventions are read back where they act, without a part in what is answered."""
