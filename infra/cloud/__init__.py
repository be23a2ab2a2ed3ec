"""The emulator behind moto's Lambda, so that a simulated cloud really invokes."""
