"""Write bundles. For development only: nothing that serves imports it."""
