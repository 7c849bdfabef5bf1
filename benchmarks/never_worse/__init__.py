"""How often the rule of ``--not-worse-than`` refuses a model that is as good, and one that is worse."""
