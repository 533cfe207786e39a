"""From sealed sound to words: decode in a guarded child, find speech, recognise each track, cut into utterances."""

import os

# The runtimes of the models call their makers unless they are told not to before they are loaded: faster-whisper asks
# for what a model's folder lacks, and onnxruntime (since 1.32 on Linux) reports its use to Microsoft (T14).
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
