"""Pictures of slides: PNG, JPEG and WebP, taken apart and put together again before anybody sees them."""
