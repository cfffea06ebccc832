"""History: placeholder until written."""


class History: ...
