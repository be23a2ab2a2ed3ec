"""
CodeDeploy behind moto: Lambda deployments that really call
hooks, shift traffic and roll back.
"""
