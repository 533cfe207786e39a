"""The telehealth call: join links, presence, signalling, Leave and End."""
