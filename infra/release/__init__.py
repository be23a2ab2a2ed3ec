"""The release: build, push, publish, let a canary through or roll back, and remove it all."""
