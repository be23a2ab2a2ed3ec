"""`make cloud-demo`: a release from its first deployment to its end, without an AWS account.

    play.py        prepares the cloud, and plays the steps
    story.py       the actions on a stage: deploy, ring an alarm, roll back
    images.py      a stage's images: real ones in a real registry, or folders of code
    narration.py   what is printed

Only the cloud is simulated: Terraform, boto3 and the function are real, and its images too if
docker or podman is there. Canary time is wound forward, so that five minutes take seconds.
"""
