"""The install side of Chartside: what an EHR administrator runs, and the sandbox EHR."""
