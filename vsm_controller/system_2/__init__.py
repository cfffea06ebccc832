"""System 2: coordination - damps collisions between operations and commands nothing."""
