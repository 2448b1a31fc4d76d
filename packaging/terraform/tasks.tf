# The task definitions are the files of packaging/ecs. What is added here is the example's application, its namespace and
# its architecture; the container of taskdns is taken as it stands there.
locals {
  placeholders = {
    AWS_REGION         = data.aws_region.current.name
    EXECUTION_ROLE_ARN = aws_iam_role.execution.arn
    LOG_GROUP          = aws_cloudwatch_log_group.this.name
    TASKDNS_IMAGE      = var.taskdns_image
  }

  server_name = "resource-server.${var.namespace}"

  resource_server = jsondecode(templatefile("${path.module}/../ecs/resource-server.json", merge(local.placeholders, {
    FAMILY                = "${var.name}-resource-server"
    RESOURCE_SERVER_IMAGE = var.resource_server_image
  })))

  client = jsondecode(replace(
    templatefile("${path.module}/../ecs/${var.way}.json", merge(local.placeholders, {
      FAMILY            = "${var.name}-client"
      APPLICATION_IMAGE = var.client_image
    })),
    "resource-server.local", local.server_name
  ))

  # Asks once a second for the service's address, as any program does, and for a page there.
  client_program = <<-PYTHON
    import os, socket, time, urllib.request
    while True:
        try:
            first = socket.getaddrinfo(os.environ["SERVER"], 8080, socket.AF_INET, socket.SOCK_STREAM)[0][4][0]
            print(first, urllib.request.urlopen(f"http://{first}:8080/", timeout=2).status)
        except OSError as error:
            print("failed:", error)
        time.sleep(1)
  PYTHON

  client_containers = [
    for container in local.client.containerDefinitions : container.name != "application" ? jsonencode(container) : jsonencode(merge(container, {
      command         = ["python3", "-uc", local.client_program]
      environment     = [{ name = "SERVER", value = local.server_name }]
      linuxParameters = { initProcessEnabled = true } # as process 1, python3 would not end at SIGTERM
    }))
  ]
}

resource "aws_ecs_task_definition" "resource_server" {
  family                   = local.resource_server.family
  requires_compatibilities = local.resource_server.requiresCompatibilities
  network_mode             = local.resource_server.networkMode
  cpu                      = local.resource_server.cpu
  memory                   = local.resource_server.memory
  execution_role_arn       = local.resource_server.executionRoleArn
  container_definitions    = jsonencode(local.resource_server.containerDefinitions)

  runtime_platform {
    operating_system_family = local.resource_server.runtimePlatform.operatingSystemFamily
    cpu_architecture        = var.cpu_architecture
  }
}

resource "aws_ecs_task_definition" "client" {
  family                   = local.client.family
  requires_compatibilities = local.client.requiresCompatibilities
  network_mode             = local.client.networkMode
  cpu                      = local.client.cpu
  memory                   = local.client.memory
  execution_role_arn       = local.client.executionRoleArn
  task_role_arn            = one(aws_iam_role.exec[*].arn) # taskdns needs none; ECS Exec does
  container_definitions    = "[${join(",", local.client_containers)}]"

  runtime_platform {
    operating_system_family = local.client.runtimePlatform.operatingSystemFamily
    cpu_architecture        = var.cpu_architecture
  }
}
