"""An object in a bucket to its predictions and a result object."""
