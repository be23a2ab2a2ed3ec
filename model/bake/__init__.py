"""Writing bundles. Development only: nothing that serves imports it."""
