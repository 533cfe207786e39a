"""`chartside demo`: a whole clinic on one machine, with a finished sample visit made by the real pipeline."""
