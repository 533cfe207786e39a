"""The wake-up queue and the pipeline's next step."""
