"""The release: build, push, publish, shift traffic by a canary or roll back, and remove it all."""
