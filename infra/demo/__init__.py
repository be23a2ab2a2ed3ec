"""
`make cloud-demo`: a release from its first deployment to its end, with no account.

    play.py        sets the scene, and plays the steps
    story.py       what can be done to a stage: deploy, ring an alarm, roll back
    images.py      what stands for an image: a real one in a real registry, or a folder of code
    narration.py   what is printed

The cloud is simulated, all else is real: Terraform, boto3, the function, its images where there is
an engine for them. Only the time of a canary is wound on, so that five minutes take seconds.
"""
