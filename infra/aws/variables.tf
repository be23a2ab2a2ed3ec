variable "stage" {
  description = "Which of the stages that live side by side: part of every name, and of the state's."
  type        = string
  default     = "dev"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{0,11}$", var.stage))
    error_message = "stage: expected up to 12 small letters and digits, got ${var.stage}."
  }
}

variable "image_digest" {
  description = "The pushed image, as sha256:…; null while there is only a registry to push to."
  type        = string
  default     = null

  validation {
    condition     = var.image_digest == null || can(regex("^sha256:[0-9a-f]{64}$", var.image_digest))
    error_message = "image_digest: expected sha256: and 64 hexadecimal digits, no tag."
  }
}

variable "hook_package" {
  description = "A zip whose hook.handler checks a new version before it gets traffic; null: no hook."
  type        = string
  default     = null
}

variable "function_file" {
  description = "The one source of truth, relative to this folder."
  type        = string
  default     = "../function.yaml"
}

variable "simulated_cloud" {
  description = "Where a simulated cloud (lambake cloud) listens; null: AWS."
  type        = string
  default     = null

  validation {
    condition     = var.simulated_cloud == null || can(regex("^https?://", var.simulated_cloud))
    error_message = "simulated_cloud: expected an address like http://127.0.0.1:5000."
  }
}
