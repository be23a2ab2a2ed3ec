"""`make cloud-demo`: the release played on a simulated cloud, with no account."""
