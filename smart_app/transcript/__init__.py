"""From sealed sound to words: decode in a guarded child, find speech, recognise each track, cut into utterances."""
