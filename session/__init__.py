"""What may be said when: pure state, with clock and ids passed in."""
