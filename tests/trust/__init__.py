"""What is promised of safety and privacy, the figures that show it, and the report made of them."""
