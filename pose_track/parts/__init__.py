"""One long video in parts: tracked side by side, and joined as if it had been tracked in one go."""
