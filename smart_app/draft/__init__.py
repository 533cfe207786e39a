"""From a transcript to a summary made of statements, each with the utterances it rests on."""
