"""System 1 leaves: one half decides (actor, admission, report), the other acts in workspaces of its own."""
