"""CodeDeploy behind moto: deployments that really call hooks, shift traffic and roll back."""
