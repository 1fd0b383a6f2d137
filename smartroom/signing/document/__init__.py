"""The Berita Acara Peresmian: minutes on page 1, the plaque on page 2, vector ink and a QR code. Draws in the confined process."""
