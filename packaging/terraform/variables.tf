variable "name" {
  description = "What everything is called: cluster, log group, roles, task families."
  type        = string
  default     = "taskdns-example"

  validation {
    condition     = can(regex("^[a-zA-Z][a-zA-Z0-9-]{0,39}$", var.name))
    error_message = "name must begin with a letter and have at most 40 letters, digits and hyphens."
  }
}

variable "taskdns_image" {
  description = "The image of taskdns in a registry that the tasks can reach, by its digest (name@sha256:...) if it is to stay the same."
  type        = string

  validation {
    condition     = can(regex("(^|/)taskdns[:@].+", var.taskdns_image))
    error_message = "taskdns_image must be a repository called taskdns, with a tag or a digest."
  }
}

variable "way" {
  description = "How the application comes to ask taskdns: the name of a file in packaging/ecs (docs/ecs.md has the choice). exec needs taskdns in the application's image."
  type        = string
  default     = "managed"

  validation {
    condition     = contains(["managed", "init", "exec", "http"], var.way)
    error_message = "way must be managed, init, exec or http."
  }
}

variable "resource_server_image" {
  description = "Anything that answers HTTP on port 8080 as an unprivileged user."
  type        = string
  default     = "nginxinc/nginx-unprivileged:1.27-alpine"
}

variable "client_image" {
  description = "The application. The example's command needs python3, and a glibc, since resolv_conf.fallback is on."
  type        = string
  default     = "python:3.13-slim"
}

variable "cpu_architecture" {
  description = "That of all three images."
  type        = string
  default     = "X86_64"

  validation {
    condition     = contains(["X86_64", "ARM64"], var.cpu_architecture)
    error_message = "cpu_architecture must be X86_64 or ARM64."
  }
}

variable "namespace" {
  description = "The private DNS namespace of Cloud Map."
  type        = string
  default     = "local"
}

variable "record_ttl" {
  description = "Seconds. Nothing new is seen sooner; taskdns takes out what is dead without waiting for it."
  type        = number
  default     = 10

  validation {
    condition     = var.record_ttl >= 1 && var.record_ttl <= 300
    error_message = "record_ttl must be 1 to 300 seconds."
  }
}

variable "resource_server_count" {
  description = "Tasks of resource-server."
  type        = number
  default     = 4
}

variable "client_count" {
  description = "Tasks of client."
  type        = number
  default     = 1
}

variable "vpc_id" {
  description = "An existing VPC (with enableDnsSupport and enableDnsHostnames). Null for a new one with two public subnets."
  type        = string
  default     = null
}

variable "subnet_ids" {
  description = "Subnets of that VPC, from which the registries of the images and CloudWatch Logs can be reached. Ignored with a new VPC."
  type        = list(string)
  default     = []
}

variable "assign_public_ip" {
  description = "True in public subnets without NAT, as the new VPC's are."
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "Days that the log is kept."
  type        = number
  default     = 7
}

variable "enable_exec" {
  description = "Whether `aws ecs execute-command` may enter the application's container."
  type        = bool
  default     = false
}
