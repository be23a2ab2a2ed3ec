"""The emulator behind moto's Lambda: a simulated cloud that really invokes."""
