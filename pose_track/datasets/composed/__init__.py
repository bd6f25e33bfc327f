"""Composed clips: people, cut out or drawn, who walk through a scene, with exact boxes, identities and visibility."""
