"""The simulator: the production hosts and actors under virtual time, with every fault drawn from one seed."""
